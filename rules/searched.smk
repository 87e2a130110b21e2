"""What is searched and cut, and where its layouts lie. No rules here."""


def layout_in(folder):
    """The layout of a budget in a search's folder: found, fixed in the configuration, or drawn as a control."""
    if folder.control or folder.search not in PLAN.config["searches"]:
        return f"{TRAINED}/{folder if folder.control else folder.search}/layout-{{budget}}.json"
    return f"{TRAINED}/{folder}/search/layout-{{budget}}.json"


def layout_file(wildcards):
    """A pruned detector's layout."""
    return layout_in(search_folder(wildcards.search))


def choice_file(wildcards):
    """What a search says of its choice within a budget; nothing for what no search found."""
    folder = search_folder(wildcards.search)
    if folder.control or folder.search not in PLAN.config["searches"]:
        return []
    return f"{TRAINED}/{folder}/search/choice-{{budget}}.json"


def base_file(name):
    """A function of the wildcards: a file of the unpruned detector that is searched and cut."""
    return lambda w: f"{TRAINED}/{search_folder(w.search).base}/{name}"


def predictions_file(wildcards):
    """The predictions of that detector on the prune split."""
    return f"{TRAINED}/{search_folder(wildcards.search).predictions}/predictions.parquet"


def settings_of(wildcards):
    """The configuration of a rule's search; nothing for fixed layouts."""
    return PLAN.config["searches"].get(search_folder(wildcards.search).search, {})
