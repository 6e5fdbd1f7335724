"""The CDK construct: the template as it is, with the functions' code as assets, in an app of somebody else.

The app is `infra/cdk/example`, as a user has it: with the construct from its npm package. The functions' programs are
small files here, since only their places matter. The module takes half a minute.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra.cdk import parameters
from infra.local import environment
from infra.local.building import FUNCTIONS
from infra.local.template import Template, read, write
from infra.ops.package import archive, construct, template_file
from infra.ops.package.release import Release

from .template import original, resources

MODULES = construct.CDK / "node_modules"
STACK = "prosaas-webhooks"
SECONDS = 120
COMMIT = "c" * 40
# The parameters that the example sets, with their names in the template.
SET = {
    "AlarmEmail": "oncall@example.com",
    "MaximumConcurrency": 20,
    "DashboardOrigin": "https://app.example.com",
}
LITERAL_CONDITION = "W8003"
"""cfn-lint's word on a condition about a parameter whose value the app has given."""


@dataclass(frozen=True)
class App:
    """The example in a folder of its own."""

    folder: Path
    home: Path

    def node(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Node.js in the folder, with proxies that lead nowhere."""
        nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9")
        env = {"PATH": f"{environment.VENV_BIN}:{os.environ['PATH']}", "HOME": str(self.home), **nowhere, **variables}
        return subprocess.run(
            [str(environment.NODE), *arguments],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def synth(self, template: Path) -> dict[str, Template]:
        """Run `cdk synth`, and give the template of each stack."""
        quiet = {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}
        cdk = str(MODULES / "aws-cdk" / "bin" / "cdk")
        done = self.node(cdk, "synth", "--quiet", WEBHOOKS_TEMPLATE=str(template), **quiet)
        assert done.returncode == 0, done.stderr
        return {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in (self.folder / "cdk.out").glob("*.template.json")
        }


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> App:
    """Give the example, with the construct that `npm pack` has packed."""
    folder = tmp_path_factory.mktemp("cdk")
    app = App(folder / "app", folder)
    shutil.copytree(construct.CDK / "example", app.folder)
    modules = app.folder / "node_modules"
    modules.mkdir()
    with tarfile.open(construct.pack(folder)) as content:
        content.extractall(modules)
    (modules / "package").rename(modules / "prosaas-webhooks-cdk")
    for name in ("aws-cdk-lib", "constructs", "yaml"):
        (modules / name).symlink_to(MODULES / name)
    return app


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the template of a package for x86_64, with zips beside it."""
    folder = tmp_path_factory.mktemp("package")
    for name in FUNCTIONS:
        (folder / name).write_text(name)
        archive.pack(folder / name, folder / template_file.archive_name(name, "x86_64"))
    path = folder / "template-x86_64.yaml"
    template_file.write(template_file.packaged(original(), "x86_64", Release("1.2.3", COMMIT, None, {})), path)
    return path


@pytest.fixture(scope="module")
def synthesised(app: App, package: Path) -> dict[str, Template]:
    """Give the templates of the example's stacks."""
    return app.synth(package)


def with_values(value: Any) -> Any:  # noqa: ANN401 - any part of a template
    """Put the example's values in the place of the parameters."""
    match value:
        case {"Ref": name} if name in SET:
            return SET[name]
        case dict():
            return {name: with_values(one) for name, one in value.items()}
        case list():
            return [with_values(one) for one in value]
    return value


def without_code(template: Template) -> dict[str, Template]:
    """Give the resources without the places of the functions' code."""
    found = json.loads(json.dumps(template["Resources"]))
    for resource in found.values():
        if resource["Type"] == template_file.FUNCTION:
            del resource["Properties"]["CodeUri"]
            # How the function is built, which a package does not say.
            resource.pop("Metadata", None)
    return found


def test_synthesised_stack_is_the_template(synthesised: dict[str, Template]) -> None:
    made, written = synthesised[STACK], original()
    assert without_code(made) == with_values(without_code(written))
    assert made["Conditions"] == with_values(written["Conditions"])
    assert made["Transform"] == written["Transform"]
    assert made["Metadata"] == {template_file.METADATA: {"Version": "1.2.3", "Commit": COMMIT}}
    # The app gives these values, CDK asks for the version of its own stack.
    left = {name: one for name, one in written["Parameters"].items() if name not in SET}
    deployed = {name: one for name, one in made["Parameters"].items() if name != "BootstrapVersion"}
    assert deployed | {"Architecture": left["Architecture"]} == left
    assert deployed["Architecture"]["AllowedValues"] == ["x86_64"]
    exports = {name for name in made["Outputs"] if name.startswith("ExportsOutput")}
    assert {name: one for name, one in made["Outputs"].items() if name not in exports} == written["Outputs"]


def test_sam_makes_of_the_synthesised_stack_what_it_makes_of_the_template(synthesised: dict[str, Template]) -> None:
    # Among them the resources that SAM adds, so that CloudFormation finds those of a stack that SAM has deployed.
    region = boto3.session.Session(region_name=environment.REGION)
    made = Translator({}, Parser(), boto_session=region).translate(synthesised[STACK], parameter_values={})
    expected = with_values(resources())
    for resource in expected.values():
        # How the function is built.
        resource.pop("Metadata", None)
    for name, resource in made["Resources"].items():
        if resource["Type"] == "AWS::Lambda::Function":
            code = resource["Properties"].pop("Code")
            assert set(code) == {"S3Bucket", "S3Key"}
            expected[name]["Properties"].pop("Code")
    assert made["Resources"] == expected


def test_each_function_has_its_own_code(synthesised: dict[str, Template], app: App, package: Path) -> None:
    written = original()
    for name, resource in synthesised[STACK]["Resources"].items():
        if resource["Type"] == template_file.FUNCTION:
            code = resource["Properties"]["CodeUri"]
            zipped = package.with_name(template_file.archive_name(template_file.program(written, name), "x86_64"))
            staged = app.folder / "cdk.out" / f"asset.{code['Key']}"
            assert staged.read_bytes() == zipped.read_bytes()


def test_publisher_may_publish_and_nothing_more(synthesised: dict[str, Template]) -> None:
    service = synthesised["call-service"]["Resources"]
    statements = {
        policy["Properties"]["Roles"][0]["Ref"]: policy["Properties"]["PolicyDocument"]["Statement"]
        for policy in service.values()
        if policy["Type"] == "AWS::IAM::Policy"
    }
    [publishing] = next(found for role, found in statements.items() if role.startswith("CallRole"))
    [reading] = next(found for role, found in statements.items() if role.startswith("DashboardRole"))
    exports = {one["Export"]["Name"]: one["Value"] for one in synthesised[STACK]["Outputs"].values() if "Export" in one}
    assert publishing["Action"] == "sqs:SendMessage"
    assert exports[publishing["Resource"]["Fn::ImportValue"]] == {"Fn::GetAtt": ["EventsQueue", "Arn"]}
    assert exports[reading["Resource"]["Fn::ImportValue"]] == {"Fn::GetAtt": ["PortalSecret", "Id"]}


def test_synthesised_stacks_pass_cfn_lint(app: App, synthesised: dict[str, Template]) -> None:
    paths = [str(app.folder / "cdk.out" / f"{name}.template.json") for name in synthesised]
    argv = [str(environment.VENV_BIN / "cfn-lint"), "--ignore-checks", LITERAL_CONDITION, "--", *paths]
    linted = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert linted.returncode == 0, linted.stdout


def test_functions_that_sam_has_built_are_taken_from_their_folders(app: App, tmp_path: Path) -> None:
    built = json.loads(json.dumps(original()))
    for name in template_file.functions(built):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bootstrap").write_text(name)
        built["Resources"][name]["Properties"]["CodeUri"] = name
    write(built, tmp_path / "template.yaml")
    made = app.synth(tmp_path / "template.yaml")[STACK]
    manifest = json.loads((app.folder / "cdk.out" / f"{STACK}.assets.json").read_text())
    for name in template_file.functions(built):
        key = made["Resources"][name]["Properties"]["CodeUri"]["Key"]
        asset = manifest["files"][key.removesuffix(".zip")]["source"]
        assert asset["packaging"] == "zip"
        assert (app.folder / "cdk.out" / asset["path"] / "bootstrap").read_text() == name


@pytest.fixture
def refusal(app: App, package: Path) -> Callable[..., str]:
    """Give a function that makes the construct with properties, and gives the reason of its refusal."""

    def refused(template: Path = package, **properties: object) -> str:
        made = json.dumps({"template": str(template)} | properties)
        script = f"""
            const {{ App, Stack }} = require('aws-cdk-lib');
            const {{ ProSaasWebhooks }} = require('prosaas-webhooks-cdk');
            try {{
                new ProSaasWebhooks(new Stack(new App(), 's'), 'W', {made});
            }} catch (error) {{
                console.log(error.message);
            }}
        """
        done = app.node("-e", script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return refused


def test_value_that_the_template_does_not_allow_is_refused(refusal: Callable[..., str]) -> None:
    constraints = {name: one.get("ConstraintDescription") for name, one in original()["Parameters"].items()}
    for name, value in {
        "UnsafeTargets": "Yes",
        "MaximumConcurrency": 1001,
        "AttemptTimeoutSeconds": 0,
        "RetryScheduleSeconds": "5,30,x",
        "AlarmEmail": "oncall",
    }.items():
        told = refusal(**{name[0].lower() + name[1:]: value})
        assert constraints[name] in told, name
        assert json.dumps(value) in told, name
    assert "the zips beside this template are for x86_64" in refusal(architecture="arm64")
    assert refusal(architecture="x86_64", maximumConcurrency=1000) == ""


def test_property_that_the_template_has_no_parameter_for_is_refused(refusal: Callable[..., str]) -> None:
    assert refusal(maximumConcurency=20) == "maximumConcurency: the template has no parameter MaximumConcurency"


def test_template_that_is_not_built_is_refused(refusal: Callable[..., str], tmp_path: Path) -> None:
    assert "is not a template that sam build or make package has written" in refusal(parameters.TEMPLATE)
    moved = tmp_path / "template.yaml"
    template_file.write(template_file.packaged(original(), "arm64", Release("1", COMMIT, None, {})), moved)
    assert "is not built" in refusal(moved)


def test_every_parameter_is_a_typed_property() -> None:
    written = original()["Parameters"]
    typed = parameters.WRITTEN.read_text()
    assert typed == parameters.typescript(written)
    for name, one in written.items():
        property_ = f"  readonly {name[0].lower()}{name[1:]}?: "
        [line] = [line for line in typed.splitlines() if line.startswith(property_)]
        kind = line.removeprefix(property_).rstrip(";")
        allowed = one.get("AllowedValues")
        assert kind == (" | ".join(f'"{value}"' for value in allowed) if allowed else one["Type"].lower())
        assert f"@default {json.dumps(one['Default'])}\n" in typed


def test_lock_file_names_no_registry() -> None:
    locked = json.loads((construct.CDK / "package-lock.json").read_text())
    assert all("resolved" not in one for one in locked["packages"].values())


def test_package_template_reads_back_as_the_template(package: Path) -> None:
    assert without_code(read(package)) == without_code(original())
