"""All that the cloud must not learn: keys, the matrices and noise drawn from them, hiding and revealing.

Imported within ``sdk`` only (an import contract): nothing else on a device or a server sees a secret.
"""

from sdk.secrets.hiding import hide, reveal
from sdk.secrets.keys import DerivedKeys, FreshKeys, KeySource
from sdk.secrets.secrets import Secrets, expand

__all__ = ["DerivedKeys", "FreshKeys", "KeySource", "Secrets", "expand", "hide", "reveal"]
