# SPDX-License-Identifier: Apache-2.0
"""What the model is measured on: a voice and sentences that training never hears.

The voice is flite's slt, a woman; the voices of training that sound natural are men. The
sentences are our own, none is in the training text.
"""

from __future__ import annotations

from typing import Final

VOICE: Final = "slt"
"""flite's; its sister in festival (cmu_us_slt_arctic_hts) is kept out of training as well."""

SENTENCES: Final = (
    "Good morning, and thank you for stopping by at our little booth.",
    "Would you rather hear about the paintings or about the people who made them?",
    "The lift behind the pharmacy is being repaired until the fifth of May.",
    "My favourite exhibit is the brass telescope from seventeen fifty.",
    "A bumpy path leads from the farm to the village pump.",
    "Five vans from Vienna arrived with fresh fruit and vegetables.",
    "She sells the sharpest shears in Cheshire, at least so I was told.",
    "Who moved the blue wooden stools into the school room?",
    "Please keep both arms inside the boat while we are under the bridge.",
    "Your parcel has been left with the woman at the front office.",
    "We all know how slowly the old tower clock goes around.",
    "Perhaps a map would help you, or a plan of the upper balcony.",
    "The weather will be rough over the northern valleys this evening.",
    "Oh dear, I am afraid the last bus has already gone.",
    "Jim chose a huge orange jumper and a pair of cheap leather gloves.",
    "Every visitor gets a free cup of mint tea with honey.",
    "Turn off the oven before you leave, and mind the hot lid.",
    "The puppy jumped up and bumped the table, so the lamp broke.",
    "Which of these photographs would you like to have framed?",
    "Above the river, a very fine mist was floating over the grove.",
    "Bob may be about to buy a bigger pipe for the bathroom pump.",
    "The choir sang three hymns, two of them in Latin.",
    "Can you show me the quickest way to the harbour, if you please?",
    "An enormous ship full of sugar was waiting outside the port.",
    "He laughed, rubbed his eyes, and asked for a cup of strong coffee.",
    "It is worth the climb, for the view of the bay is superb.",
    "Few people have ever seen the back of this famous sculpture.",
    "Tomorrow we will be measuring the temperature of the pool.",
    "The youngest pupil gave a wonderful speech about whales.",
    "Put the empty bottles into the box below the bench.",
    "I would not worry, the museum stays open all through the winter.",
    "Visa and passport forms are available from the third window.",
)

OTHER_LANGUAGES: Final = {
    "de": (
        "Guten Morgen, möchten Sie vielleicht mehr über die Bilder im ersten Stock wissen?",
        "Bitte folgen Sie der blauen Linie bis zum Bahnhof und warten Sie am Brunnen.",
    ),
    "fr": (
        "Bonjour, voulez-vous savoir où se trouvent les tableaux du premier étage ?",
        "Suivez la ligne bleue jusqu'à la gare, puis attendez devant la fontaine.",
    ),
    "es": (
        "Buenos días, puede usted comprar las entradas en la ventana de al lado.",
        "El museo abre todos los días menos el lunes por la mañana.",
    ),
    "it": (
        "Buongiorno, vorrebbe sapere qualcosa di più sui quadri del primo piano?",
        "Il museo apre tutti i giorni tranne il lunedì mattina.",
    ),
    "ru": (
        "Доброе утро, хотите узнать больше о картинах на первом этаже?",
        "Музей открыт каждый день, кроме понедельника.",
    ),
    "cmn": (
        "早上好，您想了解一楼的画吗？请跟着蓝线走到车站，在喷泉旁边等候。",
        "博物馆每天开放，星期一上午除外。欢迎您来参观我们的展览。",
    ),
    "ar": (
        "صباح الخير، هل تريد أن تعرف المزيد عن اللوحات في الطابق الأول؟",
        "يفتح المتحف أبوابه كل يوم ما عدا صباح يوم الاثنين. مرحبا بكم في معرضنا الجديد.",
    ),
}
"""Sentences by the name of espeak-ng's voice; training hears names of countries in some of them,
and in cmn nothing."""
