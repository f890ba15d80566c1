"""Who a pod is, and what it may ask of the API server."""

from collections import Counter
from collections.abc import Iterator

from deploy.k8s.base.make_secrets import KEYS
from deploy.k8s.check.documents import Documents, find, namespace, of_kind, title
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.pods import Pod, pods

#: It makes Secrets; no other pod asks the API server for anything.
MAKER = "make-secrets"
WITH_TOKEN = f"Job/{MAKER}"


def made_secrets(documents: Documents, within: str) -> list[str]:
    """Names of the Secrets that the Job makes in a namespace."""
    job = find(documents, "Job", MAKER, within)
    named = [] if job is None else [name for one in Pod(job).lasting for name in one.get("args") or []]
    return [name for name in named if name in KEYS]


def tokens_are_not_mounted(documents: Documents) -> Iterator[Finding]:
    """No pod but one holds a token, and no ServiceAccount gives one by itself."""
    for pod in pods(documents):
        if pod.spec.get("automountServiceAccountToken") is not (pod.title == WITH_TOKEN):
            yield Finding(pod.title, "automountServiceAccountToken is not what it should be")
        for source in (s for v in pod.spec.get("volumes") or [] for s in (v.get("projected") or {}).get("sources", [])):
            if "serviceAccountToken" in source:
                yield Finding(pod.title, "a token is mounted by a projected volume")
    for account in of_kind(documents, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield Finding(title(account), "it gives every pod a token")


def pods_have_accounts_of_their_own(documents: Documents) -> Iterator[Finding]:
    """Rights of one are never those of another; and Kubernetes tells no pod of Services by variables."""
    users = Counter((pod.namespace, pod.spec.get("serviceAccountName")) for pod in pods(documents))
    for pod in pods(documents):
        name = pod.spec.get("serviceAccountName")
        if name is None or find(documents, "ServiceAccount", name, pod.namespace) is None:
            yield Finding(pod.title, f"there is no ServiceAccount {name}")
        elif users[pod.namespace, name] > 1:
            yield Finding(pod.title, f"the ServiceAccount {name} is another pod's too")
        if pod.spec.get("enableServiceLinks") is not False:
            yield Finding(pod.title, "enableServiceLinks is not false")


def rights_lead_somewhere(documents: Documents) -> Iterator[Finding]:
    """Every RoleBinding joins a Role and accounts that exist, and no right is given to all of something."""
    for binding in of_kind(documents, "RoleBinding", "ClusterRoleBinding"):
        within = binding["metadata"].get("namespace", "")
        wanted = [(binding["roleRef"]["kind"], binding["roleRef"]["name"], within)]
        wanted += [(one["kind"], one["name"], one.get("namespace", within)) for one in binding.get("subjects") or []]
        for kind, name, place in wanted:
            if find(documents, kind, name, place) is None:
                yield Finding(title(binding), f"there is no {kind} {name}")
    for role in of_kind(documents, "Role", "ClusterRole"):
        for rule in role.get("rules") or []:
            if "*" in {*rule.get("verbs", []), *rule.get("resources", []), *rule.get("apiGroups", [])}:
                yield Finding(title(role), "it gives every right")


def maker_may_read_what_it_makes(documents: Documents) -> Iterator[Finding]:
    """The Job makes Secrets that its script knows, may look whether they are there, and at nothing else."""
    for pod in pods(documents):
        if pod.title != WITH_TOKEN:
            continue
        for name in (name for one in pod.lasting for name in one.get("args") or [] if name not in KEYS):
            yield Finding(pod.title, f"its script knows no Secret {name}")
        role = find(documents, "Role", MAKER, pod.namespace) or {}
        may = [
            (tuple(rule.get("verbs") or []), tuple(rule.get("resources") or []), *rule.get("resourceNames", []))
            for rule in role.get("rules") or []
        ]
        secrets = ("secrets",)
        if may != [(("create",), secrets), (("get",), secrets, *made_secrets(documents, namespace(pod.workload)))]:
            yield Finding(f"Role/{MAKER}", "it gives other rights than to make these Secrets and to get them")
