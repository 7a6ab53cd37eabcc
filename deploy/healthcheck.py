"""Exit with status 0 if the server with this HTTP port is ready: `python healthcheck.py 127.0.0.1:8002`.

It asks the HTTP port, because that needs no certificate and no token whatever the gRPC port asks for.
"""

import http.client
import sys

TIMEOUT = 3.0  # seconds
READY = 200


def main(target: str) -> int:
    """Ask /v2/health/ready; 0 if the answer is yes, 1 if it is no or there is none."""
    connection = http.client.HTTPConnection(target, timeout=TIMEOUT)
    try:
        connection.request("GET", "/v2/health/ready")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        sys.stderr.write(f"not ready: {type(error).__name__}\n")
        return 1
    finally:
        connection.close()
    return 0 if status == READY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
