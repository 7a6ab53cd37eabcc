"""All attacks, one small file each, in the order in which they run."""

from phasekey.audit.attack import Attack
from phasekey.audit.attacks.angle_network import AngleNetwork
from phasekey.audit.attacks.best_of_k import BestOfK
from phasekey.audit.attacks.decoy_pool import DecoyPool
from phasekey.audit.attacks.discriminator_angle import DiscriminatorAngle
from phasekey.audit.attacks.ica import FourthOrder
from phasekey.audit.attacks.inference_1 import InferenceOne
from phasekey.audit.attacks.inference_2 import InferenceTwo
from phasekey.audit.attacks.inference_3 import InferenceThree
from phasekey.audit.attacks.inference_4 import InferenceFour
from phasekey.audit.attacks.inference_x import InferenceX
from phasekey.audit.attacks.inversion_1 import InversionOne
from phasekey.audit.attacks.inversion_1_trained import InversionOneTrained
from phasekey.audit.attacks.inversion_2 import InversionTwo
from phasekey.audit.attacks.inversion_fit import InversionFit
from phasekey.audit.attacks.label_search import LabelSearch
from phasekey.audit.attacks.likelihood import Likelihood
from phasekey.audit.attacks.manifold_fit import ManifoldFit
from phasekey.audit.attacks.mean_template import MeanTemplate
from phasekey.audit.attacks.membership import Membership
from phasekey.audit.attacks.pair_decoder import PairDecoder
from phasekey.audit.attacks.repeated_query import RepeatedQuery
from phasekey.audit.attacks.right_key import RightKey

ATTACKS: tuple[Attack, ...] = (
    MeanTemplate(),
    Likelihood(),
    FourthOrder(),
    DiscriminatorAngle(),
    AngleNetwork(),
    BestOfK(),
    ManifoldFit(),
    RightKey(),
    InversionOne(),
    InversionOneTrained(),
    InversionTwo(),
    PairDecoder(),
    InversionFit(),
    InferenceOne(),
    InferenceTwo(),
    InferenceThree(),
    InferenceFour(),
    InferenceX(),
    LabelSearch(),
    DecoyPool(),
    RepeatedQuery(),
    Membership(),
)
