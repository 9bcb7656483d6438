"""Is a question open where the word that asks stands anywhere? Chinese, Japanese, Korean and Hindi.

Chinese and Japanese have no spaces: words are found within runs of characters, so a few longer words that contain one
that asks are named.
"""

import re

from .listing import words
from .reading import Reading, Sentence, Word, quoted_in

_KANA = re.compile(r"[ぁ-ゖァ-ヺ]")
_CJK = re.compile(r"[㐀-䶿一-鿿ぁ-ゖァ-ヺ가-힣ᄀ-ᅟ]")
_DEVANAGARI = re.compile(r"[\u0904-\u0939]+")
_HANGUL = re.compile(r"[가-힣]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏЀ-ӿͰ-Ͽ\u0600-\u06ff]+")

_CHINESE = re.compile(
    "为什么|為什麼|什么|什麼|怎么|怎麼|怎样|怎樣|如何|为何|為何|何时|何以|何种|哪|谁|誰|多少|几|幾|啥"
)
_CHINESE_PASSED = re.compile("无论如何|無論如何|什么都|什麼都|没什么|沒什麼|几乎|幾乎|任何|谁都|誰都|几何|幾何")
_CHINESE_CLOSED = re.compile(
    "是否|还是|還是|能不能|会不会|會不會|是不是|有没有|有沒有|对不对|對不對|可不可以|要不要|该不该"
)
_CHINESE_ENDS_CLOSED = re.compile(r"(?:吗|嗎|吧|(?<![什怎那这])么)\W*\Z")
_CHINESE_ENDS_OPEN = re.compile(r"呢\W*\Z")

_JAPANESE = re.compile(
    "なぜ|どうして|どのよう|どんな|どれ|どの|どこ|どちら|どう|何故|何|なに|なん|誰|だれ|いつ|いくつ|いくら"
)
_JAPANESE_PASSED = re.compile(
    "かどうか|どうか(?=[をがはのもにで])|(?:何|なに|いつ|どこ|誰|だれ)か(?=[をがはのもにでら])"
    "|(?:何|誰|だれ|どこ|どちら|どれ|いつ|どう)(?:に|へ|で|から)?(?:でも|も)|いつまでも|どうしても|どうぞ"
)
_JAPANESE_CLOSED = re.compile("それとも|かどうか")

_KOREAN = re.compile(r"\A(?:무엇|무슨|뭐|뭘|뭔|왜|어떻|어떤|어느|어디|언제|누구|누가|얼마|몇|어째서)")
_KOREAN_PASSED = re.compile(r"(?:든|든지|나|언젠가|누군가|어딘가|뭔가|왠지|무언가)\Z|\A(?:몇몇|어디까지나)")

_HINDI = words("क्यों कैसे कैसा कैसी कौन कौनसा कौनसी कब कहाँ कहां किस किसे किसको किसने किसका किसकी किसके कितना कितनी कितने किन")
_HINDI_LEADS = words("तो और लेकिन पर मगर अच्छा ठीक है फिर हाँ अब क्योंकि")
_KYA = "क्या"


def reads_in_place(sentence: str) -> bool:
    """Whether most of a sentence is in a script of these languages."""
    here = len(_CJK.findall(sentence)) + len(_DEVANAGARI.findall(sentence))
    return here > 0 and here >= len(_LATIN.findall(sentence))


def opened_in_place(reading: Reading, sentence: Sentence) -> Word | None:
    """The word that makes the question open; None if it is closed."""
    text = reading.text[sentence.start : sentence.end]
    for start, end in quoted_in(text):
        text = text[:start] + " " * (end - start) + text[end:]
    if _DEVANAGARI.search(text):
        return _hindi(reading.words_of(sentence))
    if _HANGUL.search(text):
        return _korean(reading.words_of(sentence))
    span = _japanese(text) if _KANA.search(text) else _chinese(text)
    if span is None:
        return None
    return Word(text[slice(*span)], sentence.start + span[0], sentence.start + span[1])


def _chinese(text: str) -> tuple[int, int] | None:
    if _CHINESE_ENDS_CLOSED.search(text):
        return None
    text = _CHINESE_PASSED.sub(lambda found: " " * len(found[0]), text)
    end = len(text)
    for clause in reversed(re.split(r"[，,；;：:]", text)):
        start = end - len(clause)
        if found := _CHINESE.search(clause):
            return start + found.start(), start + found.end()
        if _CHINESE_CLOSED.search(clause):
            return None
        end = start - 1
    found = _CHINESE_ENDS_OPEN.search(text)
    return (found.start(), found.start() + 1) if found else None


def _japanese(text: str) -> tuple[int, int] | None:
    offers = list(_JAPANESE_CLOSED.finditer(text))
    closed_at = offers[-1].end() if offers else 0
    text = _JAPANESE_PASSED.sub(lambda found: " " * len(found[0]), text)
    found = _JAPANESE.search(text, closed_at)
    return found.span() if found else None


def _korean(words: tuple[Word, ...]) -> Word | None:
    if any(word.text == "아니면" for word in words):
        return None
    asking = (word for word in words if _KOREAN.match(word.text) and not _KOREAN_PASSED.search(word.text))
    return next(asking, None)


def _hindi(words: tuple[Word, ...]) -> Word | None:
    """At the head of a clause क्या asks for yes or no, unless nearly nothing follows: `तो क्या होगा?`"""
    leading = 0
    while leading < len(words) and words[leading].text in _HINDI_LEADS:
        leading += 1
    rest = words[leading:]
    for at, word in enumerate(rest):
        if word.text in _HINDI:
            return word
        if word.text == _KYA:
            heads = at == 0 or rest[at - 1].text in _HINDI_LEADS
            return None if heads and len(rest) - at > 2 else word
    return None
