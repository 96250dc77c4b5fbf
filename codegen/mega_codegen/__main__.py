"""``python -m mega_codegen`` is ``mega-codegen``."""

import sys

from mega_codegen.cli import main

sys.exit(main())
