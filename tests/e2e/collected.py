"""A router that says, when it has ended, how its collector of cycles was set."""

import gc
import json
import sys

from router.app import serve

if __name__ == "__main__":
    code = serve(sys.argv[1])
    said = {
        "event": "collector",
        "enabled": gc.isenabled(),
        "threshold": gc.get_threshold(),
        "frozen": gc.get_freeze_count(),
    }
    sys.stderr.write(json.dumps(said) + "\n")
    sys.exit(code)
