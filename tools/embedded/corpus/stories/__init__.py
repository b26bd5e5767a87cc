"""The paragraph types, one module each: nothing but wordings."""

from tools.embedded.corpus.stories.biography import BIOGRAPHY
from tools.embedded.corpus.stories.chronicle import CHRONICLE
from tools.embedded.corpus.stories.expedition import EXPEDITION
from tools.embedded.corpus.stories.family import FAMILY
from tools.embedded.corpus.stories.inventory import INVENTORY
from tools.embedded.corpus.stories.match import MATCH
from tools.embedded.corpus.stories.voyage import VOYAGE

STORIES = (BIOGRAPHY, CHRONICLE, EXPEDITION, FAMILY, INVENTORY, MATCH, VOYAGE)
