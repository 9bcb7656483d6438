"""What does the student come with? Eight seminars of three kinds, three everyday ones, and any prompt of one's own.

The tutor sees the opening line and nothing else of a scenario; the persona is told to whoever plays the student.
"""

import hashlib
from typing import Literal

from trialbed import Scenario

Vector = Literal["elenchus", "maieutics", "aporia", "everyday", "free"]
"""elenchus: expose a contradiction; maieutics: build up from a half-truth; aporia: dissolve a misconception."""


class Seminar(Scenario):
    """`prompt` is the student's opening line, `script` what it goes on with when no model plays it.

    `goals` say what a good dialogue would reach, for whoever reads it; neither subject nor judge is told.
    """

    vector: Vector
    persona: str
    prompt: str
    goals: tuple[str, ...] = ()
    notes: str = ""
    script: tuple[str, ...] = ()


SCENARIOS = (
    Seminar(
        id="EL-ETH-UTIL-DEON-01",
        vector="elenchus",
        persona="A medical student, bright and sure of herself, who has just discovered utilitarianism and applies it "
        "to everything. She gives reasons readily and dislikes being called inconsistent.",
        prompt="I have thought it through: what counts is the sum of well-being, nothing else. So if a surgeon can "
        "save five patients by taking the organs of one healthy visitor, the surgeon must do it.",
        goals=(
            "The student sees that she would not accept the rule if she were the visitor.",
            "She names a claim that is not about sums, such as a right or trust in doctors.",
            "She says which of her two convictions she gives up, and why.",
        ),
        notes="The contradiction is hers to find: the rule she states and the hospital she would go to.",
        script=(
            "Five lives are more than one. I do not see what else there is to count.",
            "Well, I would not go to that hospital for a check-up, if I am honest.",
            "Because I could not be sure to come out again. But that is fear, not ethics.",
            "If everybody stayed away from hospitals, more people would die. So the rule would defeat itself.",
            "Perhaps there are things one may not do to a person even if the sum is better.",
        ),
    ),
    Seminar(
        id="EL-CIV-FREE-HARM-01",
        vector="elenchus",
        persona="A law student and debater who calls himself a free-speech absolutist. He was shaken by posters that "
        "were put up in his street against a group his neighbours belong to.",
        prompt="Speech must never be restricted, by anyone, for any reason. And whoever put up those hateful posters "
        "in my street should be arrested today.",
        goals=(
            "The student notices that his two sentences cannot both stand.",
            "He states what distinguishes speech from an act of harm, in his own words.",
            "He limits one of the two claims and accepts what follows.",
        ),
        notes="Either claim may be given up; what matters is that he gives it up for a reason of his own.",
        script=(
            "Those posters are not speech, they are an attack.",
            "An attack is something that makes people afraid to leave their house.",
            "A bad film critic can make somebody afraid too, I suppose. That would be allowed, of course.",
            "So being afraid cannot be the whole difference.",
            "Then I did not really mean any reason. I meant any political reason.",
        ),
    ),
    Seminar(
        id="MAI-BIO-CRISPR-01",
        vector="maieutics",
        persona="A first-year biology student who has heard that Cas9 is a pair of scissors. She knows base pairing "
        "and what an enzyme is, but has never put the two together.",
        prompt="Cas9 cuts DNA, that much I know. But how does it know where to cut?",
        goals=(
            "The student derives that something must carry the address, and that it can pair with bases.",
            "She finds that the guide is RNA and why a match of some twenty letters is rare in a genome.",
            "She asks what happens at a place that matches almost.",
        ),
        notes="She has every piece she needs; the tutor is to hand her none of them.",
        script=(
            "Maybe it has a sensor for certain shapes of the DNA.",
            "DNA has the same shape nearly everywhere, so that would cut all over the place.",
            "What differs from place to place is the order of the letters.",
            "Letters pair: A with T and C with G. So something with the matching letters could find the place.",
            "Then the scissors would have to carry a short strand along that fits.",
        ),
    ),
    Seminar(
        id="MAI-ECO-INFL-01",
        vector="maieutics",
        persona="A bookkeeper who reads the business pages. He is right that money matters for prices, and thinks that "
        "this is all there is to it.",
        prompt="Inflation is only ever one thing: the state prints money, so prices go up.",
        goals=(
            "The student keeps what is true in his sentence: more money for the same goods.",
            "He adds the other side of the trade by himself: fewer goods for the same money, or money that changes "
            "hands faster.",
            "He says what he would look at to tell the causes apart.",
        ),
        notes="A half-truth to build on, not an error to correct.",
        script=(
            "More money chasing the same goods: that is what every textbook says.",
            "If the money lay in a drawer, nobody would bid up anything, that is true.",
            "So it has to be spent. It is about how much is spent in a year.",
            "When the harvest failed, bread went up although nobody had printed anything.",
            "I would have to look at both: what is spent and what there is to buy.",
        ),
    ),
    Seminar(
        id="APO-PHY-HEAT-TEMP-01",
        vector="aporia",
        persona="A pupil of fifteen who learns from what he can touch. He is curious and answers at once.",
        prompt="The metal spoon in our kitchen is hotter than the wooden one in summer and colder in winter. You can "
        "feel it. So metal simply has another temperature than wood.",
        goals=(
            "The student doubts that his hand measures temperature.",
            "He arrives at the idea that something flows, and that it flows faster through metal.",
            "He proposes a test with a thermometer and says what it would show.",
        ),
        notes="The misconception is that touch reads off temperature.",
        script=(
            "I feel it with my hand. Cold is cold.",
            "Both have been in the same drawer all night, yes.",
            "A thermometer would show less on the metal one. I think. I have never tried.",
            "If it showed the same on both, my hand would be wrong. Or it would feel something else.",
            "Maybe my hand feels how fast it gets colder itself.",
        ),
    ),
    Seminar(
        id="APO-BIO-GENE-DETERM-01",
        vector="aporia",
        persona="A start-up founder without training in biology, enthusiastic and quick, who thinks of a genome as a "
        "list of features.",
        prompt="Camels hardly need water. So there is a gene for it, and if we put that one gene into people, they "
        "will be drought-proof.",
        goals=(
            "The student doubts that there is one gene for one ability.",
            "She names several organs or behaviours that a camel's thrift with water rests on.",
            "She says what else of a body would have to change with it.",
        ),
        notes="The misconception is one gene, one trait, movable like an app.",
        script=(
            "Every feature has its gene, I read that in a magazine.",
            "A camel has special kidneys, and it sweats late, and its blood copes with being thick.",
            "Those would be three things already. So three genes then.",
            "A kidney is built of thousands of cells that have to be in the right place. Who places them?",
            "Then the gene alone would not know what to do in a body like mine.",
        ),
    ),
    Seminar(
        id="APO-BIO-EVOL-LAM-01",
        vector="aporia",
        persona="A pupil who likes animals and has a clear picture in his mind of giraffes reaching for leaves.",
        prompt="Giraffes have long necks because they stretched them for the high leaves, a bit more in each life, and "
        "their young got the longer necks.",
        goals=(
            "The student doubts that what happens to a body in its life is passed on.",
            "He notices that the giraffes differed before anybody stretched.",
            "He explains the long neck by who had more young, in his own words.",
        ),
        notes="The misconception is the inheritance of what was acquired.",
        script=(
            "When you train something, it grows. Like muscles.",
            "The children of a weightlifter have to train as well, that is true.",
            "So the stretched neck would stay with the one who stretched it.",
            "But some giraffes were born with a longer neck than others from the start.",
            "Those would get more leaves in a dry year, and the others would starve.",
        ),
    ),
    Seminar(
        id="APO-PHY-QUANT-OBS-01",
        vector="aporia",
        persona="A reader of popular science, warm and a little mystical, who takes words like 'observer' literally.",
        prompt="In the double slit the particle knows that it is being watched, and then it behaves. So mind makes "
        "reality, physics has proved it.",
        goals=(
            "The student doubts that observing needs anybody who looks.",
            "She describes what a detector does to a particle without using a word for knowing.",
            "She says what the experiment would show with the detector on and nobody in the room.",
        ),
        notes="The misconception is that a measurement is a glance.",
        script=(
            "It changes when somebody looks. What else would you call that?",
            "The looking is done by a device, I suppose, not by an eye.",
            "If nobody read the device, it would still have been there, in the way of the particle.",
            "A device has to touch the particle somehow, with light or a field.",
            "Then it is a bump rather than a look.",
        ),
    ),
    Seminar(
        id="career-change",
        vector="everyday",
        persona="Somebody of thirty-eight, ten years in an office job that pays well and has gone stale, with a family "
        "and a mortgage, who has told nobody yet.",
        prompt="I'm considering a career change but unsure where to start.",
        goals=("The student says what is to change, and what is to stay.", "They name a first step they can test."),
        script=(
            "I am good at my job, but I count the hours.",
            "What I miss is seeing what my work is good for.",
            "Years ago I taught a course in the evenings, and I went home awake.",
            "I am afraid to earn less, and more afraid to find out that it was not the job.",
            "I could ask for one day a week off and teach again.",
        ),
    ),
    Seminar(
        id="time-management",
        vector="everyday",
        persona="A doctoral student who plans every day by the hour and keeps none of the plans.",
        prompt="I'm struggling with time management.",
        goals=("The student finds what the time goes to.", "They say what they would drop, and for what."),
        script=(
            "I make a plan every evening and it is wrong by ten in the morning.",
            "Mostly I answer messages, because then somebody is pleased at once.",
            "The thesis pleases nobody for months.",
            "If I wrote before I looked at the messages, the world would not end.",
            "I would have to bear not knowing what is in them until noon.",
        ),
    ),
    Seminar(
        id="work-ethics",
        vector="everyday",
        persona="A junior engineer who has found that a test report of her team was tidied up before it went to the "
        "customer. She likes her boss.",
        prompt="I'm facing an ethical dilemma at work.",
        goals=("The student names who is owed what.", "She separates what she knows from what she supposes."),
        script=(
            "A report left out two failed tests, and I am the only one who noticed.",
            "I do not know whether it was meant. My boss may have thought they were faulty runs.",
            "If it was meant, people could be hurt. If not, I would accuse somebody who trusts me.",
            "I could ask first, before I say anything about anybody.",
            "I would want the same if it were my report.",
        ),
    ),
)

_ALSO = {
    "I'm considering a career change.": "career-change",
    "I'm facing an ethical dilemma at work.": "work-ethics",
}
"""Other wordings of an opening line; what is said is what was typed."""


def for_prompt(prompt: str) -> Seminar:
    """The scenario that opens with `prompt`, or one of its own for any other words; a scenario's id names it too."""
    text = prompt.strip()
    named = next((one for one in SCENARIOS if text in (one.id, one.prompt)), None)
    if named is not None:
        return named
    other = next((one for one in SCENARIOS if one.id == _ALSO.get(text)), None)
    if other is not None:
        return other.model_copy(update={"prompt": text})
    return Seminar(
        id=f"prompt-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}",
        vector="free",
        persona="An adult who means what they say in their opening line, knows about as much of the matter as most "
        "people do, and is willing to think.",
        prompt=text,
    )
