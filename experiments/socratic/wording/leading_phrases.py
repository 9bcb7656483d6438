"""Which words put the answer into the student's mouth? Data; where they count is decided in leading."""

import re

from .listing import words
from .phrases import phrases
from .question_words import AUXILIARIES, NEGATIVE_AUXILIARIES

ANYWHERE = phrases("""
    so|then|surely you - agree|admit|concede|accept
    you must|have - to|- agree|admit|concede
    you'd|you'll - surely|probably|certainly|- agree|admit|concede
    i'm sure|certain you|you'll|you'd|you'll
    everyone|everybody knows|agrees
    we all know|agree
    no doubt
    needless to say
    could|might|may it - be that
    could it not be
    can we agree|not
    surely|undoubtedly|undeniably|unquestionably
    as you know|surely|well

    findest|meinst|glaubst|denkst du nicht
    finden|meinen|glauben|denken sie nicht
    ist das|es|er|sie nicht
    wäre es|das nicht
    sicherlich|offensichtlich|natürlich
    du stimmst mir zu

    ne penses|crois|trouves tu pas
    ne pensez|croyez|trouvez vous pas
    n'est ce pas
    n'est il|elle pas
    ne serait il|ce pas
    évidemment|manifestement
    bien sûr

    no crees|cree|piensas|piensa|creen
    no te|le parece
    acaso no
    no es - cierto|verdad
    no sería
    obviamente|evidentemente|claramente|seguramente

    não acha|achas|acredita|pensa|concorda
    não é|seria verdade|óbvio|melhor
    com certeza

    non credi|pensi|ritieni|crede|pensa|trovi
    non è forse|vero
    non sarebbe
    ovviamente|sicuramente

    разве не|это|ты|вы
    не кажется|думаешь|думаете|считаешь|считаете|находите ли|что
    не так ли
    очевидно|конечно|безусловно

    δεν νομίζεις|νομίζετε|συμφωνείς|πιστεύεις
    έτσι δεν είναι
    προφανώς|σίγουρα

    أليس كذلك|هذا|من|الأمر
    ألا تعتقد|ترى|تظن|توافق
    بالتأكيد|بالطبع

    है ना
    क्या यह नहीं
    निश्चित रूप

    그렇지 않나요|않습니까|않을까요|않아요
    당연히|분명히
""")

CERTAINTIES = words("obviously clearly plainly evidently")
"""They lead, unless of manner: `How could you say this more clearly?`"""

BEFORE_CERTAINTIES = words("is are was were be it's that's that you i we so it they")

WORD_TAGS = words("""
    right correct no yes yeah eh huh true agreed innit oder stimmt's gell ne non hein verdad cierto no né certo vero
    giusto правда верно да так σωστά صحيح ना न 그렇죠 맞죠 그죠
""")
"""Lead when they stand alone after a pause at the end, or as a whole question."""

PHRASE_TAGS = phrases("""
    isn't that|it so|right|true
    am i right|wrong
    is that not so
    nicht wahr
    nicht - oder
    n'est ce pas
    no es cierto|verdad|así
    não é - verdade|mesmo
    non è - vero|così
    не правда|так ли
    δεν είναι
    أليس كذلك
    है - ना|न
""")

TAG_AUXILIARIES = frozenset(word for word in AUXILIARIES if word.isascii()) - NEGATIVE_AUXILIARIES
SUBJECTS = words("i you he she it we they there this that one")
NEGATIONS = words("not never no nobody nothing none neither hardly cannot nor nowhere")

UNSPACED = re.compile(
    r"(?:对吧|對吧|是吧|对不对|對不對|不是吗|不是嗎|没错吧|吧)\W*\Z|难道|難道|你不觉得|你不認為|你不认为|显然|顯然|"
    r"(?:ですよね|ますよね|だよね|よね|でしょ|じゃないですか|じゃない)\W*\Z|ではないでしょうか|ではありませんか|と思いませんか"
)
KOREAN_ENDS = ("죠", "지요", "잖아요")
"""Seek assent, in a question without a word that asks."""
