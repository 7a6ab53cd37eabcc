"""All attacks, one small file each, in the order in which they run."""

from phasekey.audit.attack import Attack
from phasekey.audit.attacks.angle.angle_network import AngleNetwork
from phasekey.audit.attacks.angle.best_of_k import BestOfK
from phasekey.audit.attacks.angle.discriminator_angle import DiscriminatorAngle
from phasekey.audit.attacks.angle.ica import FourthOrder
from phasekey.audit.attacks.angle.likelihood import Likelihood
from phasekey.audit.attacks.angle.manifold_fit import ManifoldFit
from phasekey.audit.attacks.angle.mean_template import MeanTemplate
from phasekey.audit.attacks.image.inversion_1 import InversionOne
from phasekey.audit.attacks.image.inversion_1_trained import InversionOneTrained
from phasekey.audit.attacks.image.inversion_2 import InversionTwo
from phasekey.audit.attacks.image.inversion_fit import InversionFit
from phasekey.audit.attacks.image.pair_decoder import PairDecoder
from phasekey.audit.attacks.image.right_key import RightKey
from phasekey.audit.attacks.other.decoy_pool import DecoyPool
from phasekey.audit.attacks.other.label_search import LabelSearch
from phasekey.audit.attacks.other.membership import Membership
from phasekey.audit.attacks.other.repeated_query import RepeatedQuery
from phasekey.audit.attacks.property.inference_1 import InferenceOne
from phasekey.audit.attacks.property.inference_2 import InferenceTwo
from phasekey.audit.attacks.property.inference_3 import InferenceThree
from phasekey.audit.attacks.property.inference_4 import InferenceFour
from phasekey.audit.attacks.property.inference_x import InferenceX

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
