"""What rules ask of a machine, and the profiles that hand it on: no rule is forgotten, each queue in its words."""

import json
import os
import re
import subprocess

import pytest
import yaml
from running.command import ROOT
from running.pipeline import SNAKEMAKE, environment

PROFILES = {path.parent.name: path for path in sorted((ROOT / "profiles").glob("*/config.yaml"))}
CLUSTERS = {name: yaml.safe_load(path.read_text()) for name, path in PROFILES.items() if name != "default"}
QUEUES = [name for name, profile in CLUSTERS.items() if profile["executor"] == "cluster-generic"]

# Commands that run or train a network, where there is a GPU on it; and all others that rules call.
ON_GPUS = {"train", "retrain", "predict", "evaluate", "submission"}
ON_CPUS = {"dataset", "download", "convert", "control", "layout", "search", "choose", "score", "decide", "slice"}
ON_CPUS |= {"deploy", "publish", "report"}

WALK = """
include: "Snakefile"
found = {r.name: [r.shellcmd or "", workflow.is_local(r), list(r.resources)] for r in workflow.rules}
print("RULES " + json.dumps(found))
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """Name -> shell command, whether it runs beside Snakemake, and the resources that it asks for."""
    folder = tmp_path_factory.mktemp("rules")
    for name in ("Snakefile", "rules", "config", "profiles", "environment.yml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "Walk").write_text(WALK)
    command = [*SNAKEMAKE, "--cores", "1", "--snakefile", "Walk", "--list-rules"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("RULES "))
    return json.loads(line.removeprefix("RULES "))


def test_every_rule_asks_for_what_it_takes(rules):
    commands = {name: set(re.findall(r"\banchorprune (\w+)", shell)) for name, (shell, _, _) in rules.items()}
    assert set().union(*commands.values()) == ON_GPUS | ON_CPUS  # a new command is to be put among one of them
    for name, (_, local, asked) in rules.items():
        if commands[name] and not local:
            assert {"mem_mb", "runtime"} <= set(asked), name
        assert ("gpu" in asked) == bool(commands[name] & ON_GPUS), name
    assert sum("gpu" in asked for _, _, asked in rules.values()) >= 9


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_profile_names_rules_and_plug_ins_that_there_are(rules, name):
    text, profile = PROFILES[name].read_text(), CLUSTERS[name]
    assert set(profile.get("set-resources", {})) | set(profile.get("set-threads", {})) <= set(rules)
    assert f"\nsnakemake-executor-plugin-{profile['executor']}==" in (ROOT / "requirements.lock").read_text()
    assert profile["retries"] >= 1
    assert yaml.safe_load(re.search(r"^# (resources: \{.*\})$", text, re.MULTILINE).group(1))["resources"]["gpu"] > 0


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_is_told_what_every_job_has(name):
    profile = CLUSTERS[name]
    submit = profile["cluster-generic-submit-cmd"]
    for resource in re.findall(r"\{resources\.(\w+)\}", submit):
        assert resource in profile["default-resources"]
    for key in ("submit", "status", "cancel"):
        words = profile[f"cluster-generic-{key}-cmd"].split()
        assert os.access(ROOT / words[0], os.X_OK)
    assert len(words) == 1  # the plug-in takes a cancel command for one word
    plugin = pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    known = {f"cluster-generic-{field.replace('_', '-')}" for field in plugin.ExecutorSettings.__dataclass_fields__}
    assert {key for key in profile if key.startswith("cluster-generic-")} <= known


# What a queue answers, and the words that it must have been given for 4 cores, 8000 MB, 90 minutes and 2 GPUs.
ANSWERS = {
    "pbs": ("qsub", "7.head", "7.head", "-l walltime=5400 -l select=1:ncpus=4:mem=8000mb:ngpus=2"),
    "sge": ("qsub", "7", "7", "-pe smp 4 -l h_rt=5400 -l mem_free=2000M -l gpu=2"),
    "lsf": ("bsub", "Job <7> is submitted to queue <all>.", "7", "-W 90 -M 8000MB -R rusage[mem=8000MB] -gpu num=2"),
}
VARIABLES = {"pbs": "PBS_JOBID", "sge": "JOB_ID", "lsf": "LSB_JOBID"}
ASKS = {
    "pbs": ("qstat", "echo 7.head train R", "echo 'qstat: Unknown Job Id 7.head' >&2; exit 153"),
    "sge": ("qstat", "echo job_number: 7", "echo 'Following jobs do not exist: 7' >&2; exit 1"),
    "lsf": ("bjobs", "echo PEND", "echo 'Job <7> is not found' >&2; exit 255"),
}


@pytest.fixture(params=ANSWERS)
def queue(request, tmp_path, monkeypatch):
    """A folder with a queue's commands, and the profile's script set to it by its one line."""
    text = (ROOT / "profiles/generic/queue.sh").read_text()
    put(tmp_path / "queue.sh", re.sub(r"^system=\w+", f"system={request.param}", text, flags=re.MULTILINE))
    submit, answer, _, _ = ANSWERS[request.param]
    put(tmp_path / f"bin/{submit}", f'#!/bin/sh\necho "$@" > asked\n[ -t 0 ] || cat > given\necho "{answer}"\n')
    put(tmp_path / "bin/sleep", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return request.param, tmp_path


def put(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def said(folder, *words, script="queue.sh"):
    """What a script answers in a folder."""
    command = ["sh", script, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return done.stdout.strip()


@pytest.mark.parametrize("status", [0, 3])
def test_a_queue_runs_a_job_and_knows_how_it_ended(queue, status):
    system, folder = queue
    _, _, job, words = ANSWERS[system]
    put(folder / "job.sh", f"#!/bin/sh\necho 'it ran' > ran && exit {status} || exit 1\n")
    assert said(folder, "submit", "4", "8000", "90", "2", "train", "job.sh") == job
    assert words in (folder / "asked").read_text()
    ask, waiting, gone = ASKS[system]
    put(folder / f"bin/{ask}", f"#!/bin/sh\n{waiting}\n")
    assert said(folder, "status", job) == "running"
    done = subprocess.run(["sh", "job.sh.queued"], cwd=folder, env={**os.environ, VARIABLES[system]: job}, check=False)
    assert done.returncode == status
    assert (folder / "ran").read_text() == "it ran\n"
    assert said(folder, "status", job) == ("failed" if status else "success")
    put(folder / f"bin/{ask}", f"#!/bin/sh\n{gone}\n")
    assert said(folder, "status", job) == ("failed" if status else "success")


def test_a_job_that_left_the_queue_without_a_word_was_killed(queue):
    system, folder = queue
    ask, _, gone = ASKS[system]
    put(folder / f"bin/{ask}", f"#!/bin/sh\n{gone}\n")
    assert said(folder, "status", ANSWERS[system][2]) == "failed"
    put(folder / f"bin/{ask}", "#!/bin/sh\necho 'cannot connect to server' >&2\nexit 111\n")
    assert said(folder, "status", ANSWERS[system][2]) == "running"


@pytest.mark.parametrize("queue", ["sge"], indirect=True)
def test_a_job_that_grid_engine_could_not_start_is_taken_out_and_counts_as_failed(queue):
    """It would wait in state Eqw for ever; the words are those of Grid Engine 8.1.9."""
    _, folder = queue
    put(folder / "bin/qstat", "#!/bin/sh\necho 'error reason          1:      can not open output file'\n")
    put(folder / "bin/qdel", '#!/bin/sh\necho "$@" > deleted\n')
    assert said(folder, "status", "7") == "failed"
    assert (folder / "deleted").read_text() == "7\n"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("echo Complete", "success"),
        ("echo FailureTarget Failed", "failed"),
        ("echo 'Error from server (NotFound): jobs.batch \"x\" not found' >&2; exit 1", "failed"),
        ("echo", "running"),
        ("echo 'Unable to connect to the server' >&2; exit 1", "running"),
    ],
)
def test_kubernetes_is_asked(tmp_path, monkeypatch, answer, status):
    kubectl = f"#!/bin/sh\nif [ $1 = create ]; then cat > given; echo job.batch/x; else {answer}; fi\n"
    put(tmp_path / "bin/kubectl", kubectl)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    script = str(ROOT / "profiles/kubernetes/job.sh")
    for gpus, limits in (("0", {}), ("2", {"nvidia.com/gpu": "2"})):
        words = ("submit", "4", "8000", "90", gpus, "retrain_unpruned", ".snakemake/tmp/job.sh")
        assert said(tmp_path, *words, script=script) == "job.batch/x"
        job = yaml.safe_load((tmp_path / "given").read_text())
        assert re.fullmatch("[a-z0-9-]{1,50}", job["metadata"]["generateName"])  # Kubernetes adds five letters
        pod = job["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert container["resources"]["requests"] == {"cpu": "4", "memory": "8000M"}
        assert container["resources"]["limits"] == {"memory": "8000M", **limits}
        assert (pod["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (5400, 0)
        assert (container["workingDir"], container["command"]) == (str(tmp_path), ["sh", ".snakemake/tmp/job.sh"])
        assert {v["name"] for v in pod["volumes"]} == {m["name"] for m in container["volumeMounts"]}
    assert said(tmp_path, "status", "job.batch/x", script=script) == status
