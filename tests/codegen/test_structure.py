"""What importing the generator costs, and what happens when its libraries are not there."""

from __future__ import annotations

from .making import run


def test_importing_the_generator_loads_no_heavy_library() -> None:
    """The model generator and the validator are imported when they are used."""
    program = "import sys, mega_codegen.cli\nprint(*(name for name in ('datamodel_code_generator', 'jsonschema_rs', 'pydantic') if name in sys.modules))"
    assert run("-c", program).stdout.strip() == ""


def test_a_missing_library_names_the_install_line() -> None:
    """Without the extra, the command says what to install."""
    program = (
        "import sys\nsys.modules['datamodel_code_generator'] = None\n"
        "from mega_codegen.cli import main\nsys.exit(main(['schemas', '-o', 'nowhere', '--check', '--no-cache']))"
    )
    done = run("-c", program)
    assert done.returncode == 2
    assert done.stderr == (
        "error: datamodel-code-generator is not installed\n    Run: pip install 'mega-typed[codegen]'\n"
    )
