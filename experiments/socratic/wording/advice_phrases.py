"""Which phrases tell somebody what to do? Data; where they count as advice is decided in advice."""

import re

from .listing import words
from .phrases import phrases

ANYWHERE = phrases("""
    i'd|i'll - recommend|suggest|advise|encourage|urge|propose
    i'd|i'll strongly|highly|definitely|also|gently recommend|suggest|advise|encourage|urge
    i would|can|will|might|could recommend|suggest|advise|encourage|urge
    i would strongly|highly|definitely|also|gently recommend|suggest|advise|encourage|urge
    i - recommend|suggest|advise
    i strongly|highly|definitely|also recommend|suggest|advise|encourage
    my - advice|recommendation|suggestion
    my best|first|main|only advice|recommendation|suggestion
    if i were you
    you could - try|start|begin|consider
    you could also|always|perhaps|maybe|first|even try|start|begin|consider|ask|talk|write|use|make|set
    you can - try|start by|with|*ing|to|a|the
    you might|may|could also|first|- want|wish to
    you might|may consider|try
    you'd better
    you had better
    you'd be better|wise|well off|to|advised
    you'll want|need to
    why don't you - try|start|take|make|go|talk|ask|write|begin|give|use|look|consider|set|put|read|sleep|call|speak
    why don't you just|first|simply try|start|take|make|go|talk|ask|write|begin|give|use|look|tell|quit|call
    why not - try|start|take|make|go|talk|ask|write|begin|give|use|look|consider|set|put|read|call|speak
    how|what about *ing
    have|had you - thought about|of *ing
    have|had you ever thought about|of *ing
    have|had you - considered|tried *ing
    have|had you ever considered|tried *ing
    have you tried a|an|the|your|some
    make sure
    be sure to
    don't forget to
    one option is|would|might|could
    the best thing|way|approach|option is|would - to
    the best thing|way|approach|option would be - to
    a good first|starting|next step|point|place is|would
    one thing you could|can|might do|try
    your best bet
    take my word|advice

    ich würde - empfehlen|raten|vorschlagen
    ich würde dir|ihnen|euch empfehlen|raten|vorschlagen
    ich empfehle|rate|schlage dir|ihnen|euch|vor
    ich empfehle
    du solltest
    solltest du
    sie sollten
    an deiner|ihrer stelle
    am besten - du|sie|ihr
    mein rat|vorschlag|tipp
    wie wäre es - mit|wenn
    warum versuchst|probierst du

    tu devrais
    vous devriez
    il vaut|vaudrait mieux
    je - recommande|conseille|suggère
    je te|vous|t' recommande|conseille|suggère
    mon conseil
    pourquoi ne pas
    essaie|essayez|essayer de|d'abord
    il faudrait que tu|vous
    tu pourrais|ferais essayer|mieux
    vous pourriez|feriez essayer|mieux

    deberías
    usted debería
    te|le|os recomiendo|sugiero|aconsejo|recomendaría
    recomiendo|sugiero|aconsejo
    mi consejo|recomendación|sugerencia
    por qué no pruebas|intentas|haces|empiezas
    lo mejor es|sería
    sería mejor que
    tienes que
    podrías intentar|probar|empezar
    intenta|prueba|procura a|con

    deverias
    você deveria|deve|devia
    eu - recomendo|sugiro|aconselho
    recomendo|sugiro|aconselho
    meu conselho
    por que não tenta|experimenta|faz|começa
    o melhor é|seria
    seria melhor você|que
    tente|experimente
    você poderia|pode tentar|experimentar|começar

    dovresti
    dovreste
    ti|le|vi consiglio|suggerisco|raccomando
    consiglio di
    il mio consiglio
    perché non provi|fai|inizi|cominci
    sarebbe meglio
    potresti provare|iniziare|cominciare
    prova|provi a

    тебе|вам - следует|стоит|нужно|надо|лучше
    тебе|вам бы следует|стоило
    я бы - советую|рекомендую|посоветовал|рекомендовал|посоветовала
    я - советую|рекомендую|предлагаю
    советую|рекомендую
    попробуй|попробуйте
    почему бы тебе|вам не
    мой совет
    лучше всего

    θα έπρεπε να
    πρέπει να
    σου|σας προτείνω|συνιστώ|συμβουλεύω
    προτείνω|συνιστώ
    δοκίμασε|δοκιμάστε
    γιατί δεν δοκιμάζεις
    καλύτερα να

    يجب عليك|أن
    عليك أن
    ينبغي أن|عليك|لك
    أنصحك|أنصح|أقترح|اقترح
    من الأفضل
    نصيحتي|اقتراحي
    حاول|جرب أن

    मेरी|मेरा सलाह|सुझाव
    मैं - सुझाव|सलाह
    कोशिश करो|करें|कीजिए
    बेहतर होगा

    추천합니다|추천해요|권합니다|권해요|추천드립니다
    것이|게|편이 좋습니다|좋아요|좋겠습니다|좋겠어요|좋을|낫습니다
    해야 합니다|해요|한다
    하는 게|것이 좋습니다|좋아요
""")

AT_A_START = phrases("""
    consider *ing
    try to|*ing|this|it|out|a|an|the
    start|begin by|with *ing|a|an|the|your|small|something
    remember|aim|learn to
    it's|it would|might|may|will|- be|- best|better|wise|wiser|advisable|useful|helpful to
    it's|that's|this - important|essential|crucial to
    it|that is - best|better|wise|wiser|important|essential|crucial|advisable|useful|helpful to
    it|it's - is|would|might|- be|- a|- good|great idea to
    it|this|that might|may|can|could|will help to|if
    it's worth *ing
    it's time to
    it is worth *ing
    ensure that|you|your
    focus on
    avoid|stop|practice|practise *ing
    keep a|track
    write down|out|your|a
    make a|an|your list|plan|point|habit|schedule|decision|effort
    set a|aside|up|clear|yourself|realistic|goals|boundaries|small
    talk|speak to|with
    create a|an
    schedule|prioritize|prioritise|update|organize|organise a|an|the|your|time|tasks|regular
    reach|sign|seek|get out|up|help|advice|feedback|enough|some
    look into
    break down|it|the|your|large|big
    take a|an break|walk|course|class|rest|hour|nap
    take time|breaks to|for|off
    give yourself
    ask your|for
    use a|an
    read up|more|the
    do your|some homework|research
    trust me|your
    put your|the
    versuche|versuch|versuchen|probiere|probieren es|doch|mal|zuerst|sie
    denk|denke|denken daran
    intente|haz|escribe|escriba una|un|tus
    fais|faites|prends|prenez une|un
    fai|scrivi una|un
    faça|escreva uma|um
    сделай|сделайте|запиши|запишите список|план|свои
""")
"""Orders and impersonal advice: only at the head of a sentence or of a clause."""

OBLIGATIONS = phrases("""
    you should|shouldn't|must|mustn't
    you definitely|really|probably|certainly|also|never should|need|must
    you ought|need|have|oughtn't to
    you'd need to
    तुम्हें|आपको चाहिए
    चाहिए
""")
"""Advice unless asked about: `What do you need to know?`, `Do you think you should?`"""

DOUBTERS = words("""
    do does did would could should can will if when whenever whether that what how why who which where think thinks
    say says said saying believe feel claim claimed claims suppose mean because as than unless once until
    everything anything all whatever belief claim idea principle assume conclude decide people
""")
"""After one of these an obligation is somebody's view or part of a condition, not a piece of advice."""

SOFTENERS = words("maybe perhaps possibly first instead honestly also really please")
"""In a question only these may stand before an obligation that is advice."""

OWN_VIEW = words("think believe feel say suggest guess reckon")

UNSPACED = re.compile(
    "你应该|你應該|您应该|您應該|你最好|您最好|我建议|我建議|建议你|建議你|建议您|建議您|不妨|你可以试|您可以试|你可以試|试着|試著|你需要|你得先"
    "|べきです|べきだ|べきでしょう|(?:た|ない)(?:ほう|方)がいい|(?:た|ない)(?:ほう|方)が(?:よ|良)い"
    "|お(?:すす|勧|薦)め|みてはどう|みたらどう|してみてください|ようにしましょう"
)
