"""The paragraph types, one module each: nothing but wordings."""

from bertbench.data.synthetic.stories.biography import BIOGRAPHY
from bertbench.data.synthetic.stories.chronicle import CHRONICLE
from bertbench.data.synthetic.stories.expedition import EXPEDITION
from bertbench.data.synthetic.stories.family import FAMILY
from bertbench.data.synthetic.stories.inventory import INVENTORY
from bertbench.data.synthetic.stories.match import MATCH
from bertbench.data.synthetic.stories.voyage import VOYAGE

STORIES = (BIOGRAPHY, CHRONICLE, EXPEDITION, FAMILY, INVENTORY, MATCH, VOYAGE)
