"""``mega-typed`` as a whole: how commands end, what a terminal shows, and docs/commands.md, which is executed."""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mega_typed.cli import COMMANDS, parser
from mega_typed.commands.command import Status
from mega_typed.local import LocalAws

from tests.command_line import COMMAND, ROOT, attributes, environment, run, start
from tests.pages import blocks, calls, varying

Factory = Callable[..., str]

PAGE = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
BLOCKS = blocks(ROOT / "docs" / "commands.md")
NAMES = [command.name for command in COMMANDS]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command."""
    [found] = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(found.choices)


def summary(name: str) -> str:
    """What the list of commands says about one."""
    return {command.name: command.summary for command in COMMANDS}[name]


def section(name: str) -> str:
    """What docs/commands.md says under the name of a command."""
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


def with_examples() -> list[str]:
    """The examples of all commands, without what the shell does with them."""
    examples = [example for command in COMMANDS for example in command.examples]
    found = [re.split(r"  #|[|<>]", example[example.index("mega-typed ") :])[0] for example in examples]
    assert len(found) > 15
    return found


# --- documentation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_command_and_option_is_documented(name: str) -> None:
    """The page has a section for each command with all its arguments and no others, and a line in its first table."""
    assert f"| [{name}](#{name}) | {summary(name)} |" in PAGE
    actions = [each for each in parsers()[name]._actions if "-h" not in each.option_strings]
    written = {each.option_strings[-1] if each.option_strings else str(each.metavar) for each in actions}
    common = {"--region", "--endpoint-url", "--profile"}
    assert all(f"| `{each}` |" in PAGE.split("\n## An afternoon")[0] for each in common)
    documented = {row.split()[0] for row in re.findall(r"^\| `([^`]+)` \|", section(name), re.MULTILINE)}
    assert documented == written - common


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """``--help`` explains, and shows at least one example that calls the command; every argument has its own help."""
    done = run(name, "--help")
    assert done.returncode == 0
    assert "examples:\n  $ " in done.stdout
    assert f"mega-typed {name}" in done.stdout.split("examples:")[1]
    assert all(each.help for each in parsers()[name]._actions)


@pytest.mark.parametrize("example", with_examples())
def test_the_examples_of_the_help_can_be_called(example: str) -> None:
    """Their arguments are understood."""
    assert parser().parse_args(shlex.split(example)[1:]).chosen.name == shlex.split(example)[1]


def test_the_statuses_are_documented() -> None:
    """Each exit status has its row."""
    rows = {int(row) for row in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)}
    assert rows == set(Status)


@pytest.fixture
def project(tmp_path: Path, shop: Path, aws: LocalAws, sqs: Any, sns: Any) -> Iterator[dict[str, str]]:
    """The folder and the queues of docs/commands.md; the variables with which its commands run."""
    shutil.copytree(shop, tmp_path, dirs_exist_ok=True)
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "__init__.py").touch()
    for language, note, text in BLOCKS:
        if language == "python":
            (tmp_path / note).write_text(text)
    order = {"order_id": "61fcc874-624e-40f8-8fd7-0e663c7837e9", "total": "250", "currency": "USD"}
    (tmp_path / "big.json").write_text(json.dumps(order))
    (tmp_path / "orders.ndjson").write_text(f"{json.dumps(order)}\n{json.dumps(order)}\n")
    (tmp_path / "bodies.txt").write_text('{"type": "ping"}\nhello there\n')
    dead = sqs.create_queue(QueueName="orders-dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": "10"}
    url = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
    topic = sns.create_topic(Name="orders")["TopicArn"]
    binaries = Path(sys.executable).parent
    yield {
        **environment(aws, tmp_path), "TOPIC_ARN": topic, "QUEUE_URL": url, "DEAD": dead, "FOLDER": str(tmp_path),
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    for each in (url, dead):
        sqs.delete_queue(QueueUrl=each)


BURY = """
import os, sys
from acme.handlers import BigOrder, Invoice
from mega_typed import SqsListener, SqsPublisher
SqsPublisher(os.environ["QUEUE_URL"]).publish_raw_message(sys.argv[1])
listener = SqsListener(os.environ["QUEUE_URL"], dead_letter_queue_url=os.environ["DEAD"], wait_time_seconds=0)
listener.register_subscriber(Invoice)
for _ in range(3):
    listener.poll_once()
"""


def test_the_page_is_true(project: dict[str, str], aws: LocalAws) -> None:
    """Every command of docs/commands.md runs, in order, and says what is shown, but for ids, times and addresses."""
    folder = Path(project["FOLDER"])
    for language, _, text in BLOCKS:
        if language != "console":
            continue
        for call, shown in calls(text):
            done = called(call, project, folder)
            status = 1 if "redrive" in call and "--execute" not in call else 0
            assert done.returncode == status, (call, done.stdout, done.stderr)
            if shown:
                assert varying(done.stdout) == varying(shown), call
            if call.endswith("big.json --queue-url orders"):
                example = json.loads((folder / "schemas/shop/order_placed.v1.schema.json").read_text())["examples"][0]
                example["event"]["attributes"]["currency"] = "CHF"
                bury = [sys.executable, "-c", BURY, json.dumps(example)]
                subprocess.run(bury, cwd=folder, env=project, check=True, capture_output=True)


def called(call: str, project: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    words = [os.path.expandvars(word) for word in shlex.split(call.replace("$TOPIC_ARN", project["TOPIC_ARN"]))]
    with subprocess.Popen(
        words, cwd=folder, env=project, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        if words[1] == "listen":
            time.sleep(3)  # it does not end by itself
            process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


# --- how commands end -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "COMMAND"),
        (["nonsense"], "invalid choice"),
        (["peek"], "QUEUE"),
        (["peek", "q", "--limit", "x"], "invalid number value"),
        (["peek", "q", "--endpoint-url", "localhost:4566"], "begins with http://"),
    ],
)
def test_a_wrong_call_is_one_line(arguments: list[str], said: str) -> None:
    """Status 2, what is wrong, and where to read on."""
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


@pytest.mark.parametrize(
    ("variables", "arguments", "status", "said"),
    [
        ({}, ["peek", "nowhere"], 3, "check its name"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, ["peek", "q"], 3, "check --endpoint-url"),
        ({"AWS_DEFAULT_REGION": ""}, ["peek", "q"], 2, "region"),
        ({}, ["peek", "q", "--profile", "nobody"], 2, "nobody"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, ["peek", "q"], 3, "give --profile"),
    ],
)
def test_trouble_with_aws_is_one_line(
    variables: dict[str, str], arguments: list[str], status: int, said: str, aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """No queue, no server, no region, no profile, no credentials: each is said with its remedy, without a traceback."""
    for name, value in (
        {"AWS_ENDPOINT_URL": aws["endpoint_url"], "AWS_DEFAULT_REGION": "eu-west-1"} | variables
    ).items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1), done.stderr
    assert said in done.stderr


def test_aws_arguments_count_more_than_the_environment(aws: LocalAws, queue: Factory) -> None:
    """Region and endpoint of the command line win, over the variable of a single service too."""
    wrong = {**os.environ, "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}
    name = queue().rpartition("/")[2]
    arguments = ["peek", name, "--endpoint-url", aws["endpoint_url"], "--region", aws["region_name"]]
    done = subprocess.run([*COMMAND, *arguments], cwd=ROOT, env=wrong, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        0,
        "no message is visible; some may be in the hands of consumers, or delayed\n",
    )


def test_a_profile_counts_more_than_keys(tmp_path: Path, aws: LocalAws, queue: Factory) -> None:
    """``--profile`` takes credentials and region from the configuration, though keys are in variables."""
    (tmp_path / "config").write_text(
        "[profile there]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    variables = {**environment(aws), "AWS_CONFIG_FILE": str(tmp_path / "config")}
    del variables["AWS_DEFAULT_REGION"]
    script = (
        "import sys, boto3\nfrom mega_typed.cli import main\nstatus = main(sys.argv[1:])\n"
        "print(boto3.Session().get_credentials().access_key, boto3.Session().region_name)\nsys.exit(status)"
    )
    call = [sys.executable, "-c", script, "peek", queue().rpartition("/")[2], "--profile", "there"]
    done = subprocess.run(call, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "a eu-west-1\n"), done.stderr


def test_who_reads_may_stop(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """As with ``| head -1``: no traceback, and the messages are given back."""
    url = queue()
    for number in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=f"text {number} " + "x" * 10_000)
    with start("peek", url, "--limit", "20", "--body", aws=aws) as peek:
        assert peek.stdout is not None
        peek.stdout.readline()
        peek.stdout.close()
        assert peek.stderr is not None
        assert peek.stderr.read() == ""
    assert peek.returncode == 141
    assert attributes(sqs, url)["ApproximateNumberOfMessages"] == "20"


def test_a_package_that_cannot_be_imported_is_said(tmp_path: Path) -> None:
    """A class of the user's that fails when it is needed ends in a line, not in a traceback."""
    (tmp_path / "broken.py").write_text(
        "from mega_typed import register_events\nregister_events(__name__, {('shop', 'order', 1): 'nowhere:Order'})\n"
    )
    body = '{"protocol":"mega","version":1,"event":{"domain":"shop","name":"order","version":1,"timestamp":"2026-01-01T00:00:00Z"}}'
    for arguments in (["decode", "--events", "broken"], ["publish", "shop/order/1", "--events", "broken", "--dry-run"]):
        done = run(*arguments, path=tmp_path, input=body)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "cannot import the class of shop order v1" in done.stderr


# --- what a terminal shows --------------------------------------------------------------------------------------------


def in_terminal(*arguments: str, **variables: str) -> str:
    """What the command shows on a terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, env={**environment(), "TERM": "xterm", **variables},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait(timeout=60)
    return shown.decode()


def test_colour_and_progress_are_for_terminals(aws: LocalAws, queue: Factory, sqs: Any) -> None:
    """On a terminal there are both; with NO_COLOR no colour; in a pipe neither."""
    url, dead = queue(), queue()
    sqs.send_message(QueueUrl=dead, MessageBody="hello there")
    arguments = ("redrive", dead, "--to", url)
    where = {"AWS_ENDPOINT_URL": aws["endpoint_url"], "AWS_DEFAULT_REGION": aws["region_name"]}
    shown = in_terminal(*arguments, **where)
    assert "\x1b[1mKIND" in shown
    assert "1 of about 1 looked at" in shown
    plain = in_terminal(*arguments, NO_COLOR="1", **where)
    assert "KIND" in plain
    assert "\x1b[1m" not in plain
    piped = run(*arguments, aws=aws)
    assert "KIND" in piped.stdout
    assert "\x1b" not in piped.stdout + piped.stderr


def test_a_message_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """What would clear the screen is spelt out there; in a pipe the text is what it is."""
    (tmp_path / "body").write_text("clear \x1b[2J the screen")
    assert "clear \\u001b[2J the screen" in in_terminal("decode", str(tmp_path / "body"))
    assert "clear \x1b[2J the screen" in run("decode", str(tmp_path / "body")).stdout


# --- demo and completion ----------------------------------------------------------------------------------------------


def test_the_demonstration_runs_from_an_installed_package(tmp_path: Path) -> None:
    """A wheel carries the program and its events: without the checkout it runs, and shows its source."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(installed)], check=True)
    variables = {**os.environ, "PYTHONPATH": str(installed)}
    for more, said in ("", "Done: every message was processed"), ("--source", "class BulkItemAdded"):
        call = [*COMMAND, "demo", *more.split()]
        done = subprocess.run(call, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout) == (0, True), done.stderr


def test_bash_completes(tmp_path: Path) -> None:
    """The script that is printed completes commands and options in a real bash."""
    script = tmp_path / "completion"
    script.write_text(run("completion", "bash").stdout)

    def completed(*words: str) -> set[str]:
        line = f"source {script}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _shtab_mega_typed; "
        call = ["bash", "-c", line + 'printf "%s\\n" "${COMPREPLY[@]}"']
        return set(subprocess.run(call, capture_output=True, text=True, check=True).stdout.split())

    assert {"peek", "publish"} == completed("mega-typed", "p")
    assert completed("mega-typed", "redrive", "--ex") == {"--execute"}
    assert "undecodable" in completed("mega-typed", "redrive", "--kind", "und")


@pytest.mark.parametrize(("command", "missing"), [(["completion", "bash"], "shtab"), (["demo"], "moto")])
def test_an_extra_that_is_missing_is_named(command: list[str], missing: str) -> None:
    """What to install is said in one line, with status 2."""
    script = (
        f"import importlib.util, sys\nfound = importlib.util.find_spec\n"
        f"importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else found(name, *rest)\n"
        "from mega_typed.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'mega-typed[" in done.stderr
