"""Everything that is asserted of a rendering."""

from collections.abc import Callable, Iterator

from deploy.k8s.check.access import (
    folders_of_access_are_mounted,
    ingresses_speak_as_the_gateway_does,
    secrets_of_access_are_with_those_who_need_them,
    those_who_are_believed_are_named,
    those_who_come_from_elsewhere_sign_in,
)
from deploy.k8s.check.accounts import (
    maker_may_read_what_it_makes,
    pods_have_accounts_of_their_own,
    rights_lead_somewhere,
    tokens_are_not_mounted,
)
from deploy.k8s.check.addresses import addresses_are_services
from deploy.k8s.check.collector_files import collector_reads_its_files
from deploy.k8s.check.containers import containers_are_confined, containers_say_what_they_take, images_are_pinned
from deploy.k8s.check.demo_nodes import demo_nodes_are_those_of_the_simulator
from deploy.k8s.check.documents import Documents
from deploy.k8s.check.environment import (
    references_are_to_earlier_variables,
    settings_are_those_of_the_user,
    values_are_valid,
    variables_are_known,
)
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.like_compose import memory_is_that_of_compose, settings_are_those_of_compose
from deploy.k8s.check.mounted_files import named_files_are_mounted
from deploy.k8s.check.namespaces import (
    everything_is_in_a_namespace_of_ours,
    namespaces_forbid_what_is_not_needed,
    pods_are_restricted,
)
from deploy.k8s.check.policies import budgets_select_pods, policies_select_pods, policy_ports_exist
from deploy.k8s.check.probes import (
    busy_redis_is_restarted,
    lasting_containers_are_probed,
    liveness_does_not_depend_on_others,
    probed_ports_exist,
)
from deploy.k8s.check.reach import pods_reach_those_they_have_business_with
from deploy.k8s.check.references import mounts_are_of_volumes, what_pods_name_is_there
from deploy.k8s.check.rollouts import (
    autoscalers_scale,
    gateway_has_places_for_all,
    no_pod_goes_before_its_successor,
    pods_have_time_to_end,
)
from deploy.k8s.check.services import annotated_ports_exist, ingresses_lead_to_services, services_lead_to_pods
from deploy.k8s.check.variants import Variant

Assertion = Callable[[Documents], Iterator[Finding]]
ASSERTIONS: tuple[Assertion, ...] = (
    services_lead_to_pods,
    ingresses_lead_to_services,
    annotated_ports_exist,
    budgets_select_pods,
    policies_select_pods,
    policy_ports_exist,
    pods_reach_those_they_have_business_with,
    lasting_containers_are_probed,
    probed_ports_exist,
    liveness_does_not_depend_on_others,
    busy_redis_is_restarted,
    containers_are_confined,
    containers_say_what_they_take,
    memory_is_that_of_compose,
    tokens_are_not_mounted,
    pods_have_accounts_of_their_own,
    rights_lead_somewhere,
    maker_may_read_what_it_makes,
    those_who_come_from_elsewhere_sign_in,
    those_who_are_believed_are_named,
    secrets_of_access_are_with_those_who_need_them,
    folders_of_access_are_mounted,
    ingresses_speak_as_the_gateway_does,
    everything_is_in_a_namespace_of_ours,
    namespaces_forbid_what_is_not_needed,
    pods_are_restricted,
    no_pod_goes_before_its_successor,
    pods_have_time_to_end,
    autoscalers_scale,
    gateway_has_places_for_all,
    variables_are_known,
    values_are_valid,
    references_are_to_earlier_variables,
    addresses_are_services,
    what_pods_name_is_there,
    mounts_are_of_volumes,
    named_files_are_mounted,
    collector_reads_its_files,
    demo_nodes_are_those_of_the_simulator,
)


def asserted(documents: Documents, variant: Variant) -> Iterator[Finding]:
    """What is wrong with a rendering of ``variant``."""
    for assertion in ASSERTIONS:
        yield from assertion(documents)
    yield from images_are_pinned(documents, variant.image_prefix, variant.image_tag)
    yield from settings_are_those_of_the_user(documents, variant.settings)
    if variant.is_default:
        yield from settings_are_those_of_compose(documents)
