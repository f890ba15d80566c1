"""Render, validate, lint and assert: a line for every variant, and one for everything that is wrong with it."""

import sys

from deploy.k8s.check.assertions import asserted
from deploy.k8s.check.finding import Finding
from deploy.k8s.check.kube_score import LintError
from deploy.k8s.check.lint import Lint, get_lint
from deploy.k8s.check.rendering import RenderingError, kustomize, parse, render
from deploy.k8s.check.schemas import OLDEST, newest, validated
from deploy.k8s.check.variants import Variant, variants


def check(variant: Variant, lint: Lint) -> tuple[int, list[Finding]]:
    """How many objects a variant has, and what is wrong with them.

    Raises:
        LintError: the linter does not work.
    """
    try:
        rendered = render(variant)
    except RenderingError as error:
        return 0, [Finding("kustomize", str(error))]
    documents = parse(rendered)
    invalid = list(validated(documents))
    # What a schema refuses, assertions need not understand.
    return len(documents), invalid or [*lint.findings(rendered), *asserted(documents, variant)]


def say(name: str, summary: str, findings: list[Finding]) -> int:
    """Print a line and those below it; return how many things were found."""
    print(f"k8s: {name}: {summary}" + (f", {len(findings)} wrong" if findings else ", good"))
    for finding in findings:
        print(f"  {finding}")
    return len(findings)


def main() -> int:
    """Return the exit code: 1 where something is wrong."""
    try:
        kustomize()
        lint = get_lint()
        print(
            f"k8s: against Kubernetes {OLDEST} and {newest()}" + (f", and {lint.program.name}" if lint.program else "")
        )
        wrong = 0
        for variant in variants():
            count, findings = check(variant, lint)
            wrong += say(variant.name, f"{count} objects", findings)
        left_over = lint.left_over()
        if left_over:
            wrong += say("lint", "reasons that are needed no more", left_over)
    except (RenderingError, LintError) as error:
        print(f"k8s: {error}", file=sys.stderr)
        return 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
