"""Which words open a question, close it, or only lead up to it? Data, in lower case; the rules are in openness.

One list serves all languages: the first words of questions hardly ever mean opposite things in two of them. The few
that do (`was`, `come`) are listed as homographs.
"""

from .listing import words

WH = words("""
    what what's what're what'd whats who who's who'd whom whose which why why's how how's how'd where's
    wer wem wen wessen wie wieso weshalb warum wozu wohin woher worin woran worauf womit wovon wodurch worum wobei
    worüber wonach wofür inwiefern inwieweit welche welcher welches welchen welchem wann
    qui que quoi quel quelle quels quelles pourquoi comment combien lequel laquelle lesquels lesquelles où d'où
    qu'est qu'en qu'entends qu'entendez qu'appelles qu'appelez qu'arrive qu'arriverait
    qu'as qu'avez qu'y
    qué cuál cuáles quién quiénes cómo cuándo dónde adónde cuánto cuánta cuántos cuántas
    quê qual quais quem porque quanto quanta quantos quantas onde
    che cosa cos'è chi quale quali perché perchè com'è dov'è dove quand'è qual'è quant'è
    что кто как почему зачем какой какая какое какие каким какими каком какую какого каких какому отчего чем чего чему
    кого кем чей чья чьё чьи сколько куда откуда где насколько каково каков какова каковы
    τι γιατί πώς πού πότε ποιος ποια ποιο ποιοι ποιες ποιον ποιου ποιων ποιους πόσο πόση πόσα πόσοι πόσες πόσος
    ما ماذا لماذا كيف متى أين أي أية أيّ كم بماذا لمن بأي عما عمّا عمّ لمَ لِمَ مما ممّا فيم علام لأي بم
    ինչ ինչու ինչպես ինչպիսի որ որն ով ում որտեղ երբ քանի որքան
""")

MAY_JOIN = words("""
    when where como quando cuando quand donde lorsque
    когда όταν من որ
""")
"""Ask if nothing after them does; else they only join a clause: `When you say X, do you mean Y?`"""

HOMOGRAPHS = {
    "was": words("""
        ist du der das dem ein eine einen und nicht wenn wäre würde würdest würden bedeutet meinst meinen denkst denken
        dein deine deiner dir dich ihr ihre ihnen genau passiert passierte heißt verstehst verstehen unterscheidet macht
        spricht wird kann könnte müsste muss soll sollte zu für folgt geschieht bringt lässt hältst glaubst
    """),
    "come": words("""
        fai mai va puoi può potrebbe si è sai lo la che cosa spieghi spiegheresti definisci definiresti sapresti intendi
        di un una questo reagiresti cambia cambierebbe pensi
    """),
}
"""Ask if one of these stands in the same sentence: German `was`, Italian `come`."""

AUXILIARIES = words("""
    am is are was were be do does did have has had can could will would shall should may might must need ought dare
    ain't isn't aren't wasn't weren't don't doesn't didn't haven't hasn't hadn't can't cannot couldn't won't wouldn't
    shan't shouldn't mightn't mustn't needn't
    ist sind bist seid war waren wäre wären hat hast haben hatte hätte hättest kann kannst können könnte könntest wird
    wirst werden würde würdest würden soll sollte solltest muss musst müsste darf dürfte gibt gilt heißt bedeutet
    est es sont êtes était serait peut peux pouvez pourrait faut doit dois devrait avez ont
    son era eran sería serían eres puede puedes pueden podría debe debería hay tiene tienes existe ha han
    é são foi seria pode podes poderia deve deveria há tem
    è sono sarebbe può puoi potrebbe deve dovrebbe c'è hai
    разве неужели ли можно возможно
    είναι μήπως μπορεί μπορείς πρέπει υπάρχει έχει θα
    هل أليس أليست ألا ألم ألن
""")

NEGATIVE_AUXILIARIES = frozenset(word for word in AUXILIARIES if word.endswith("n't"))

LEAD_INS = words("""
    and so but or nor yet well then now also okay ok oh ah hmm hm right alright great good fine interesting fascinating
    yes no yeah sure indeed still however therefore thus hence otherwise instead again first firstly second secondly
    third finally lastly next please perhaps maybe just exactly specifically actually really honestly precisely only
    even rather anyway though meanwhile alternatively conversely similarly likewise question q
    und aber oder also nun dann gut ja nein doch denn eigentlich nämlich genau zunächst und/oder
    et mais alors donc bon bien ou or ensuite oui non ah eh
    y e pero entonces bueno pues ahora sí o
    mas então bem agora pois sim não ou
    ma allora quindi bene dunque ebbene
    а и но тогда итак хорошо значит ну так да нет же ведь или
    και αλλά τότε λοιπόν ωραία όμως ναι ή
    و لكن ولكن إذن حسنا حسناً نعم ثم
    և իսկ բայց
""")

COORDINATORS = words("""
    and so but or yet then und aber oder et mais alors donc ou y e pero entonces mas então ma allora quindi а и но или
    και αλλά ή ولكن لكن
""")

CONDITIONALS = words("""
    if when whenever where since because while although though even assuming suppose supposing given imagine imagining
    as before after once unless until granted considering say provided whether
    wenn falls angenommen da weil obwohl während nachdem bevor sobald solange als sofern gesetzt
    si s'il s'ils puisque comme lorsque quand bien
    cuando aunque como mientras porque supongamos supón
    se caso embora enquanto quando suponha
    poiché mentre sebbene supponiamo
    если когда поскольку хотя пока раз допустим предположим
    αν εάν όταν αφού ενώ επειδή
    إذا لو إن عندما حين بما لأن
    եթե երբ
""")

PREPOSITIONS = words("""
    in to for from on under by with at of about against between through within without according upon into over after
    before among beyond toward towards given during
    für mit in aus von auf unter an bei nach über durch gegen um zu vor wegen seit
    à de dans pour par sur avec selon en sous contre jusqu'à d'après chez vers d'un d'une entre
    a ante con contra desde hacia hasta para por según sin sobre tras
    o os com em até do da no na sob segundo
    per su da tra fra nel nella sul sulla secondo al alla dal dalla di a
    в на с со о об от по для из к при у через без под над за между
    σε με για από κατά προς υπό ως
    في من إلى على عن ب حسب برأيك برأيكم وفق
""")

REQUESTS = words("""
    tell explain describe say help show share curious wonder wondering i'm i'd
    sag sagen erkläre erklären dis dites explique expliquez dime dígame explica diga explique dimmi spiega
    скажи скажите объясни объясните расскажи πες πείτε εξήγησε أخبرني قل اشرح
""")
"""A clause with one of these leads up to what is asked: `Tell me, why …?`"""

PERSONS = words("""
    you you're you've you'd i we we're he she it it's they that that's this these those there one everyone
    du er sie wir ihr man es das
    tu vous il elle on nous je ce c'est
    tú usted ustedes él ella
    você vocês ele ela
    lei lui voi tu
    ты вы я он она оно мы они это
    εσύ εσείς αυτό
    أنت هو هي هذا
""")

SUBJECTS = words("you you're you've i i'm we we're he he's she she's they they're it it's a an")
"""After `what` or `how` these make a clause, not a question: `So what you are saying is that …?`"""

TRAILERS = words("exactly then now precisely though else specifically genau exactement exactamente exatamente именно")
