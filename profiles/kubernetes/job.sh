#!/bin/sh
# What Kubernetes is asked: job.sh submit THREADS MB MINUTES GPUS NAME SCRIPT; status ID; cancel ID...
image=anchorprune:latest # made from the Dockerfile
claim=anchorprune # the persistent volume claim (ReadWriteMany) with the project's folder
mount=/project # where it is mounted, here as in each job
gpu=nvidia.com/gpu # what the nodes call a GPU; amd.com/gpu

submit() { # the script lies on the volume; a failed job is Snakemake's to submit again
  kubectl create -o name -f - << END
apiVersion: batch/v1
kind: Job
metadata:
  generateName: anchorprune-$(echo "$5" | tr _ -)-
  labels: {app: anchorprune}
spec:
  backoffLimit: 0
  ttlSecondsAfterFinished: 86400
  template:
    metadata:
      labels: {app: anchorprune}
    spec:
      restartPolicy: Never
      activeDeadlineSeconds: $(($3 * 60)) # once it has a node
      securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000}
      containers:
        - name: job
          image: "$image"
          command: [sh, "$6"]
          workingDir: "$PWD"
          resources:
            requests: {cpu: "$1", memory: ${2}M}
            limits: {memory: ${2}M$([ "$4" -eq 0 ] || echo ", $gpu: \"$4\"")}
          volumeMounts:
            - {name: project, mountPath: "$mount"}
            - {name: shared-memory, mountPath: /dev/shm}
      volumes:
        - name: project
          persistentVolumeClaim: {claimName: "$claim"}
        - name: shared-memory # data-loading processes hand on images through it; a pod's own has 64 MB
          emptyDir: {medium: Memory}
END
}

status() { # what an API that does not answer has is taken to be running still
  answer=$(kubectl get "$1" -o 'jsonpath={.status.conditions[?(@.status=="True")].type}' 2>&1)
  case $answer in
    *Complete*) echo success ;;
    *Failed* | *"not found"*) echo failed ;;
    *) echo running ;;
  esac
}

cancel() {
  kubectl delete --wait=false "$@"
}

"$@"
