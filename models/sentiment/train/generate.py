"""Writes our own labelled sentences about products, services, apps and meetings:
what film reviews lack (plain facts, questions, orders, negation of both signs,
contrast, emoticons). Seeded; all words here are ours.

    python generate.py OUT.tsv EXTRA.tsv   # columns: p(negative) p(neutral) p(positive), text

OUT trains both halves of the classifier, EXTRA (plain statements about people
and things in the plural, short first-person verdicts) the linear half only.
"""
import random
import sys

import everyday

THING = """product app phone laptop camera headphones battery screen keyboard charger cable printer router watch tablet speaker
service support team delivery package order hotel room restaurant food meal pizza coffee staff waiter driver flight seat course book
movie song game update website checkout interface dashboard onboarding documentation api sdk report invoice price quality design
jacket dress shoes bag sofa mattress chair desk lamp kettle blender vacuum toaster car bike tyre tent backpack helmet plan
subscription account login search export customer-service installation setup manual packaging warranty refund process meeting
presentation training workshop webinar hospital doctor clinic dentist bank branch teacher school gym trainer""".split()
POS = """good great excellent amazing wonderful fantastic awesome brilliant superb perfect lovely nice pleasant helpful friendly fast quick
reliable sturdy comfortable beautiful delicious tasty fresh clean smooth intuitive easy impressive outstanding useful affordable polite
responsive flawless stunning delightful enjoyable solid efficient professional convenient attractive elegant clear accurate generous
top-notch first-class terrific marvelous satisfying fun cool handy thoughtful cozy seamless""".split()
NEG = """bad terrible awful horrible poor disappointing useless slow broken faulty rude unhelpful dirty noisy uncomfortable ugly cheap flimsy
confusing complicated frustrating annoying buggy unreliable overpriced expensive cold stale bland greasy late boring dreadful pathetic
mediocre unusable defective laggy unresponsive unprofessional clumsy cramped smelly misleading inaccurate painful worthless ridiculous
disgusting atrocious appalling lousy sloppy dull clunky outdated inconsistent unacceptable""".split()
POSV = ["love", "like", "adore", "enjoy", "really like", "absolutely love", "highly recommend", "appreciate", "am very happy with", "am impressed by", "can't live without", "am so glad I bought", "am delighted with"]
NEGV = ["hate", "dislike", "can't stand", "regret buying", "am disappointed with", "am fed up with", "despise", "am sick of", "really hate", "am unhappy with", "am annoyed by", "want a refund for", "had to return"]
ADV = ["", "", "", "very ", "really ", "so ", "extremely ", "absolutely ", "incredibly ", "pretty ", "quite ", "truly "]
BE = ["is", "was", "is", "was", "has been", "feels", "seems"]
DAY = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday yesterday today tomorrow".split()
MONTH = "January February March April May June July August September October November December".split()
NAME = "Anna Ben Carlos Dana Emil Fatima Grace Hiro Ivan Julia Kofi Lena Maria Noah Olga Priya Tom Wei Sara John".split()
PLACE = "London Berlin Paris Tokyo Boston Chicago Madrid Lisbon Oslo Toronto Sydney Austin Denver Prague Vienna".split()
COLOR = "black white red blue green grey silver brown yellow".split()
STUFF = "plastic steel wood glass aluminium cotton leather paper rubber".split()
OFFICE = "meeting call interview review workshop training appointment conference demo lecture session class delivery inspection".split()
DOC = "report invoice contract document file form letter email spreadsheet ticket request budget agenda".split()


class Maker:
    def __init__(self, seed):
        self.r = random.Random(seed)

    def a(self, words):
        return self.r.choice(words)

    def n(self, lo=2, hi=90):
        return str(self.r.randint(lo, hi))

    def thing(self):
        t = self.a(THING).replace("-", " ")
        return self.a(["the ", "the ", "the ", "this ", "my ", "your ", "their ", "our "]) + t

    def time(self):
        return self.a([f"{self.n(1, 12)} {self.a(['am', 'pm'])}", f"{self.n(1, 12)}:{self.a(['00', '15', '30', '45'])}", "noon", f"{self.n(1, 12)} o'clock"])

    def when(self):
        return self.a([f"on {self.a(DAY[:7])}", self.a(DAY[7:]), f"in {self.a(MONTH)}", f"on {self.a(MONTH)} {self.n(1, 28)}", f"at {self.time()}", f"on {self.a(DAY[:7])} at {self.time()}", "last week", "this morning", "next month", f"in {self.n(2001, 2029)}"])

    def clause(self, positive):
        good, bad = (POS, NEG) if positive else (NEG, POS)
        v = POSV if positive else NEGV
        word = self.a(good)
        t = self.thing()
        forms = [
            f"{t} {self.a(BE)} {self.a(ADV)}{word}", f"{t} {self.a(BE)} {self.a(ADV)}{word}", f"I {self.a(v)} {t}", f"we {self.a(v)} {t}",
            f"I {self.a(v)} {t}", f"{t} {self.a(BE)} {self.a(ADV)}{word} and {self.a(good)}", f"it {self.a(BE)} {self.a(ADV)}{word}",
            f"what a {word} {self.a(THING)}", f"{self.a(ADV)}{word}", f"{word} {self.a(THING)}", f"I find {t} {self.a(ADV)}{word}", f"such a {word} {self.a(THING)}",
        ]
        if positive:
            forms += [
                f"{t} works {self.a(['perfectly', 'well', 'great', 'like a charm', 'flawlessly', 'wonderfully', 'as advertised', 'beautifully'])}",
                f"best {self.a(THING)} I have ever {self.a(['had', 'used', 'bought', 'seen'])}", f"{t} exceeded my expectations", "I couldn't be happier", "I can't complain", "five stars", "highly recommended", "worth every penny",
                f"I have never had a problem with {t}", "no complaints", f"no problems with {t} so far", f"{t} made my day", f"{t} never disappoints", "will buy again", "thank you so much", "thanks, that helped a lot",
                f"{t} is better than I expected", f"{t} saved me a lot of time", "everything went smoothly", f"couldn't ask for a better {self.a(THING)}", "keep up the good work", "well done", f"this solved my problem", f"{t} {self.a(BE)} the best", "10/10",
            ]
        else:
            forms += [
                f"{t} {self.a(['stopped working', 'broke', 'died', 'fell apart', 'keeps crashing', 'does not work', 'never worked', 'failed', 'froze', 'leaks'])} {self.a(['', 'after a week', 'after two days', 'again', 'every time', 'on the first day'])}".strip(),
                f"worst {self.a(THING)} I have ever {self.a(['had', 'used', 'bought', 'seen'])}", f"{t} is a waste of {self.a(['money', 'time'])}", "I want my money back", "never again", "one star", "do not buy", "I would not recommend it",
                f"nobody {self.a(['answered', 'helped', 'cared', 'responded'])}", f"I waited {self.n()} {self.a(['minutes', 'hours', 'days', 'weeks'])} and nobody came", f"{t} arrived {self.a(['broken', 'damaged', 'late', 'with missing parts', 'dirty'])}", "stay away",
                f"{t} let me down", "total rip-off", "what a scam", f"{t} is worse than before", f"{t} could be better", f"{t} is too {self.a(['slow', 'expensive', 'small', 'loud', 'heavy', 'complicated', 'weak', 'hot'])}", f"{t} lacks basic features",
                f"I am still waiting for {t}", f"{t} ruined my day", "this is a joke", "they ignored my emails", f"{t} {self.a(BE)} the worst", f"I lost {self.a(['all my data', 'my files', 'a lot of money', 'hours of work'])}", "0/10", "shame on you", f"there are too many {self.a(['bugs', 'ads', 'errors', 'problems'])}",
            ]
        return self.a(forms)

    def negated(self, positive):
        """A clause whose sign comes from a negation."""
        t = self.thing()
        if positive:
            bad = self.a(NEG)
            return self.a([
                f"{t} {self.a(['is', 'was'])} not bad", f"{t} {self.a(['is', 'was'])} not bad at all", "not bad", "not bad at all", "not too bad", "not half bad", "it's not bad", "not bad, actually", f"not a bad {self.a(THING)}", f"I don't hate {self.a(['it', t])}", f"I do not hate {self.a(['it', t])}", f"I didn't hate {self.a(['it', t])}",
                f"{t} {self.a(['is not', 'isn’t', 'was not', 'wasn’t', 'is never', 'was never'])} {self.a(['', 'at all '])}{bad}", f"I don't regret {self.a(['it', 'buying it', f'buying {t}'])}", f"no {self.a(['issues', 'problems', 'complaints', 'regrets', 'bugs'])} {self.a(['at all', 'so far', 'whatsoever', f'with {t}'])}",
                f"{t} never {self.a(['fails', 'let me down', 'crashes', 'disappoints', 'breaks'])}", f"I wouldn't change a thing", f"I don't mind {t}", f"nothing to complain about", f"{t} {self.a(['did not', 'didn’t'])} disappoint", f"I have nothing bad to say about {t}", f"you can't go wrong with {t}", f"not {bad} at all", f"nothing {bad} about {t}", f"hardly {bad}", f"{t} is far from {bad}", f"{t} could not be better", f"no one can complain about {t}", f"I can't say anything bad about {t}",
            ])
        good = self.a(POS)
        return self.a([
            f"{t} {self.a(['is not', 'isn’t', 'was not', 'wasn’t', 'is never', 'was never'])} {self.a(['', '', 'very ', 'really ', 'that ', 'even ', 'at all '])}{good}", f"not {good}", f"not {good} at all", f"not a {good} {self.a(THING)}", f"not very {good}", f"I don't {self.a(['like', 'love', 'enjoy', 'recommend', 'trust'])} {self.a(['it', t])}",
            f"I did not {self.a(['like', 'love', 'enjoy'])} {self.a(['it', t])}", f"I {self.a(['would never', 'cannot', 'can’t', 'wouldn’t'])} recommend {self.a(['it', t])}", f"nothing {good} about {t}", f"{t} is far from {good}", f"{t} is anything but {good}", f"no {good} {self.a(THING)} here", f"hardly {good}", f"I am not {self.a(['happy', 'satisfied', 'impressed', 'pleased', 'a fan'])}{self.a(['', ' with ' + t])}", f"{t} does not work {self.a(['', 'well', 'properly', 'as advertised'])}".strip(), f"{t} doesn't help", f"not worth {self.a(['it', 'the money', 'the price', 'my time'])}", f"never {good}", f"{t} isn't what I {self.a(['wanted', 'expected', 'ordered'])}", f"without any {self.a(['quality', 'charm', 'value', 'use'])}", f"{t} {self.a(['is', 'was'])} not {good}", f"{t} {self.a(['is', 'was'])} not {good}",
        ])

    def neutral(self):
        t = self.thing()
        return self.a([
            f"the {self.a(OFFICE)} {self.a(['is scheduled for', 'starts', 'takes place', 'was moved to', 'begins', 'will be'])} {self.when()}", f"the {self.a(OFFICE)} is scheduled for {self.a(DAY[:7])} at {self.time()}",
            f"{t} {self.a(['arrived', 'was delivered', 'was shipped', 'came', 'left the warehouse', 'will arrive', 'was returned', 'was installed', 'was replaced', 'opened', 'is closed', 'will be updated'])} {self.when()}",
            f"{t} {self.a(['is', 'was', 'comes in', 'is available in'])} {self.a(COLOR)}", f"{t} is made of {self.a(STUFF)}", f"{t} weighs {self.n()} {self.a(['kg', 'grams', 'pounds'])}", f"{t} costs {self.n()} {self.a(['dollars', 'euros', 'pounds'])}", f"{t} has {self.n()} {self.a(['pages', 'buttons', 'rooms', 'ports', 'seats', 'settings', 'steps'])}",
            f"I {self.a(['bought', 'ordered', 'received', 'use', 'opened', 'saw', 'have', 'returned', 'rented', 'picked up'])} {t} {self.when()}", f"{self.a(['please', 'please', 'can you', 'could you'])} {self.a(['send', 'forward', 'review', 'print', 'sign', 'upload', 'share'])} the {self.a(DOC)} to {self.a(NAME)} {self.when()}",
            f"what time does {t} {self.a(['open', 'close', 'start', 'arrive'])}?", f"where {self.a(['is', 'can I find'])} {t}?", f"how {self.a(['much', 'long', 'often', 'many'])} {self.a(['does it cost', 'does it take', 'is it used', 'are there'])}?", f"how do I {self.a(['use', 'open', 'install', 'change', 'return', 'configure', 'connect', 'export'])} {t}?", f"does {t} {self.a(['support', 'include', 'come with', 'need'])} {self.a(['bluetooth', 'a cable', 'batteries', 'a licence', 'breakfast', 'two users', 'usb'])}?", f"is {t} available {self.a(['in', 'at'])} {self.a(PLACE)}?", f"who is {self.a(['responsible for', 'using', 'in charge of'])} {t}?", f"when will {t} {self.a(['arrive', 'start', 'be ready', 'open'])}?", f"can I {self.a(['use', 'order', 'change', 'book'])} {t} {self.when()}?",
            f"{self.a(NAME)} {self.a(['lives in', 'works in', 'moved to', 'travelled to', 'was born in', 'called from'])} {self.a(PLACE)}", f"{self.a(NAME)} {self.a(['sent', 'signed', 'opened', 'read', 'wrote', 'updated'])} the {self.a(DOC)} {self.when()}", f"the {self.a(['office', 'store', 'branch', 'train', 'library', 'museum'])} in {self.a(PLACE)} {self.a(['opens at', 'closes at', 'leaves at'])} {self.time()}",
            f"{self.n()} {self.a(['units', 'users', 'items', 'orders', 'tickets', 'people', 'employees'])} {self.a(['were shipped', 'signed up', 'were counted', 'are listed', 'attended', 'work here'])} {self.when()}", f"{self.n(1, 9999)}", f"{self.n(1, 99)}.{self.n(1, 99)}", f"{self.n(1000, 9999)} {self.n(1000, 9999)} {self.n()}", f"{self.n(2001, 2029)}-{self.n(10, 12)}-{self.n(10, 28)}", f"version {self.n(1, 9)}.{self.n(0, 20)} was released {self.when()}",
            f"the company {self.a(['reported', 'recorded', 'published', 'announced'])} {self.a(['revenue', 'sales', 'results', 'figures'])} of {self.n()} million {self.a(['', 'euros', 'dollars'])}", f"the company is based in {self.a(PLACE)} and has {self.n(20, 900)} employees", f"the agreement was signed {self.when()}", f"the {self.a(DOC)} has {self.n()} pages", f"{self.a(['open', 'close', 'press', 'select', 'click', 'unplug', 'read'])} {t} {self.a(['and wait', 'first', 'to continue', 'before use'])}",
            f"{t} {self.a(['is', 'was'])} {self.a(['ok', 'okay', 'average', 'standard', 'normal', 'so-so', 'acceptable', 'as described', 'neither good nor bad', 'the same as before', 'next to the door', 'on the table', 'in the drawer', 'new', 'used'])}", self.a(["it is ok", "nothing special", "neither good nor bad", "it is what it is", "no opinion", "average", "hello", "good morning", "see you tomorrow", "I have a question", "no comment", "yes", "no", "maybe later", "this is a test", "to whom it may concern", "good afternoon", "as per my last email"]),
            f"I am writing about {t}", f"I have a question about {t}", f"it {self.a(['rained', 'snowed'])} {self.when()}", f"the {self.a(['sky', 'door', 'wall', 'label', 'box'])} is {self.a(COLOR)}", f"{t} {self.a(['is located in', 'was built in', 'is from'])} {self.a(PLACE)}", f"we will {self.a(['meet', 'talk', 'ship', 'start', 'deliver'])} {self.when()}", f"let's {self.a(['meet', 'talk', 'call', 'discuss it'])} {self.when()}", f"water boils at {self.n(90, 100)} degrees", f"my name is {self.a(NAME)}", f"the {self.a(OFFICE)} with {self.a(NAME)} is {self.when()}",
        ])

    def finish(self, s):
        s = " ".join(s.split())
        style = self.r.random()
        if style < 0.6:
            s = s[0].upper() + s[1:]
        if style > 0.97:
            s = s.upper()
        if s[-1] not in "?.!" and self.r.random() < 0.7:
            s += self.a([".", ".", ".", "!"])
        return s

    def line(self):
        k = self.r.random()
        hard = lambda y: [0.02 if i != y else 0.96 for i in range(3)]
        if k < 0.36:
            s = self.finish(self.neutral()).replace("!", ".")
            if self.r.random() < 0.25:
                s += " " + self.finish(self.neutral()).replace("!", ".")
            return hard(1), s
        if k < 0.56:
            y = self.r.random() < 0.5
            return hard(2 * y), self.finish(self.negated(y))
        if k < 0.84:
            y = self.r.random() < 0.5
            s = self.clause(y)
            for _ in range(self.a([0, 0, 0, 1, 2])):
                s = self.finish(s) + " " + self.clause(y) if self.r.random() < 0.6 else s + ", and " + self.clause(y)
            s = self.finish(s)
            if self.r.random() < 0.25:
                s = self.finish(self.neutral()).replace("!", ".") + " " + s
            if self.r.random() < 0.12:
                s += self.a([" :)", " :-)", " 😊", " 👍", " ❤️", " 🎉", " :D"] if y else [" :(", " :-(", " 😡", " 👎", " 😞", " 💔", " :'("])
            return hard(2 * y), s
        if k < 0.88:
            y = self.r.random() < 0.5
            mark = self.a([":)", ":-)", "😊", "👍", "❤️", "🎉", ":D", "😍", "<3"] if y else [":(", ":-(", "😡", "👎", "😞", "💔", ":'(", "😭", "😠"])
            return hard(2 * y), self.a([mark, mark + " " + mark, self.finish(self.neutral()) + " " + mark])
        if k < 0.97:
            y = self.r.random() < 0.5
            link = self.a([", but ", " but ", ". However, ", ", although ", ", yet ", " but unfortunately " if not y else " but fortunately "])
            p = [0.15, 0.35, 0.50] if y else [0.50, 0.35, 0.15]
            if "although" in link:
                p = p[::-1]
            return p, self.finish(self.clause(not y) + link + self.clause(y))
        y = self.r.random() < 0.5
        return hard(2 * y), self.finish(self.a(["I thought it would be %s, but " % self.a(NEG if y else POS), "I expected the worst, but " if y else "I had high hopes, but ", "at first I was not sure, but now "]) + self.clause(y))

    def everyday(self):
        """A line of everyday.py: half of them neutral, a fifth after a neutral one."""
        if self.r.random() < 0.5:
            return [0.02, 0.96, 0.02], self.finish(everyday.plain(self.r)).replace("!", ".")
        if self.r.random() < 0.06:
            return [0.45, 0.40, 0.15], self.finish(everyday.mixed(self.r)).replace("!", ".")
        y = self.r.random() < 0.5
        s = self.finish(everyday.verdict(self.r, y))
        if self.r.random() < 0.2:
            s = self.finish(everyday.plain(self.r)).replace("!", ".") + " " + s
        return [0.02 if i != 2 * y else 0.96 for i in range(3)], s


def extra(m):
    """One line of EXTRA."""
    y = m.r.random() < 0.5
    good, bad = (POS, NEG) if y else (NEG, POS)
    many = m.a("staff,people,waiters,nurses,drivers,agents,employees,rooms,instructions,portions,drinks,pictures,colours,buttons,chairs,controls,prices,reviews,speakers,lights".split(","))
    who = m.a(["the staff", "everyone", "the team", "our guide", "the manager", "the host", "the doctor", "the seller"])
    a, b = m.a(good), m.a(good)
    s = m.a([
        f"the {many} were {a} and {b}", f"the {many} were {m.a(ADV)}{a}", f"the {many} are {a}", f"{who} was {m.a(ADV)}{a}", f"{who} was {a} and {b}", f"the {many} were not {m.a(bad)}", f"{who} was not {m.a(bad)}", f"it's not {m.a(bad)}", f"it is not {m.a(bad)}",
        m.a(["I love it", "I like it", "I really like it", "I would buy it again", "I would come back", "I was impressed", "I'm a fan", "it just works", "I enjoyed it", "great experience"]) if y else m.a(["I hate it", "I don't love it", "I wasn't impressed", "I dislike it", "I would not buy it again", "I would not come back", "we were charged twice", "support ignored us", "they refused to replace it", "bad experience"]),
        f"{m.thing()} was {a} and {b}", f"{m.thing()} was {m.a(ADV)}{a}",
    ])
    return [0.02, 0.02, 0.96] if y else [0.96, 0.02, 0.02], m.finish(s)


def main(out, more, count=24000):
    m = Maker(7)
    with open(out, "w") as f:
        for _ in range(count):
            p, s = m.line()
            f.write("%g %g %g\t%s\n" % (*p, s))
        for _ in range(count):
            p, s = m.everyday()
            f.write("%g %g %g\t%s\n" % (*p, s))
    m = Maker(11)
    with open(more, "w") as f:
        for _ in range(count // 3):
            p, s = extra(m)
            f.write("%g %g %g\t%s\n" % (*p, s))


if __name__ == "__main__":
    main(*sys.argv[1:])
