"""Plain everyday sentences, the second half of our own: what happened, to whom
and where (neutral); what works and what fails; business figures; negated and
doubly negated verdicts about "it", "this" and people. All words here are ours.
A | stands for a space within a phrase.
"""

WHO = """I we she he they Anna Ben Carlos Dana Emil Fatima Grace Hiro Maria Noah Tom Wei the man the|woman the|boy the|girl the|teacher the|doctor
the|driver the|farmer the|nurse the|manager the|customer the|neighbour the|student the|engineer the|clerk the|dog the|cat the|fox the|horse the|bird
the|children my|brother my|sister my|mother my|father our|colleague the|tourist the|visitor the|plumber the|baker the|mayor the|lawyer the|pilot
the|old|man the|young|woman the|new|employee the|small|dog the|brown|horse the|white|cat the|grey|bird the|tall|man the|lazy|cat the|quick|boy""".split()
DID = """walked|to drove|to went|to looked|at waited|at stood|near lives|near works|near sat|near ran|past jumped|over swam|across climbed flew|over
stopped|at turned|into moved|to travelled|to cycled|to rode|to returned|to stayed|at arrived|at passed parked|near called|from slept|in
entered left crossed visited painted photographed measured""".split()
WHERE = """the|house the|river the|park the|station the|office the|school the|bridge the|garden the|market the|library the|airport the|hill the|beach
the|museum the|kitchen the|wall the|fence the|door the|window the|table the|town|hall the|bus|stop the|post|office the|harbour the|lake the|road
the|forest the|tower the|second|floor the|third|floor the|corner the|shop the|bank the|hotel the|factory the|warehouse the|gate the|stairs""".split()
MADE = """opened closed read wrote bought sold carried found moved kept put|down picked|up sent received printed signed copied cooked ate drank washed
painted repaired built folded measured counted borrowed rented used changed showed gave|me brought took ordered packed unpacked labelled stored
uploaded downloaded renamed archived forwarded attached scanned filed""".split()
OBJECT = """the|book a|letter the|box two|boxes the|bag a|sandwich some|bread an|apple the|soup a|cup|of|tea a|chair the|table the|lamp the|ladder a|ticket
the|key the|map the|newspaper a|pencil the|photo the|plate the|bottle the|parcel the|package the|invoice the|report the|file the|contract the|form
the|spreadsheet the|slides the|agenda the|minutes the|receipt the|shirt a|coat the|shoes the|bicycle the|car the|bus a|hammer the|screws
the|database the|server the|backup the|code the|branch the|script""".split()
WHEN = """yesterday today|at|noon on|Monday on|Tuesday on|Wednesday on|Thursday on|Friday last|week last|month this|morning this|afternoon in|the|evening in|May
in|October at|nine at|half|past|two before|lunch after|the|meeting two|days|ago a|year|ago every|day every|morning on|3|June on|the|14th around|ten
for|an|hour for|two|weeks twice|a|week once|a|month since|2019""".split()
ROLE = "an|accountant a|teacher a|nurse an|engineer a|consultant a|driver a|cook a|designer an|analyst a|baker a|lawyer a|farmer a|translator a|programmer".split()
SYSTEM = "Linux Windows PostgreSQL MySQL Redis Kubernetes Docker Python Java Go Excel Slack Jira Git Android iOS Chrome Firefox Kafka nginx".split()
CITY = "Paris Berlin Rome Madrid Vienna Lisbon Oslo Tokyo Ottawa Cairo Athens Dublin Warsaw Prague Munich Hamburg Lyon Milan Chicago Boston".split()
LAND = "France Germany Italy Spain Austria Portugal Norway Japan Canada Egypt Greece Ireland Poland Sweden Finland Kenya India Brazil Chile".split()
MATERIAL = "water milk iron copper oil salt sugar sand gold ice air paper wood wax glass".split()

PART = """app website program update page button screen battery charger cable camera keyboard printer router phone laptop tablet watch speaker microphone
sync login export import search upload download payment form checkout dashboard report installer driver plugin browser server connection
wifi bluetooth video sound map alarm calendar notification lock zipper handle strap wheel hinge lid pump motor fan filter heater door lens""".split()
FAILS = """crashes keeps|crashing freezes keeps|freezing hangs keeps|hanging does|nothing does|not|load won't|load won't|open doesn't|open won't|start fails|to|start
does|not|respond stopped|responding stops|working stopped|working broke snapped cracked leaks jammed got|stuck keeps|getting|stuck disconnects keeps|disconnecting
loses|connection shuts|down restarts|itself overheats drains|too|fast no|longer|works won't|close won't|charge doesn't|charge doesn't|save
does|not|work lost|my|data deleted|my|files logs|me|out shows|an|error gives|an|error|message times|out came|off fell|off fell|apart wore|out""".split()
WORKS = """works|perfectly works|great works|flawlessly works|every|time works|as|expected works|like|new runs|smoothly runs|fast loads|quickly loads|instantly opens|instantly
starts|right|away charges|fast charges|quickly lasts|for|days lasts|all|day lasts|for|years lasts|a|long|time holds|up|well fits|perfectly fits|well
is|easy|to|use is|quick|and|simple never|crashes never|fails never|lets|me|down does|exactly|what|I|need does|exactly|what|it|should just|works
saves|me|hours feels|solid looks|great sounds|great is|built|to|last is|much|faster|now responds|quickly syncs|without|problems""".split()
CASE = """every|time|I|open|it on|startup when|I|click|it when|I|log|in after|the|update after|one|week after|two|days after|a|month after|a|few|uses all|the|time
constantly again for|no|reason on|the|first|day in|the|middle|of|a|call while|saving during|setup since|yesterday within|a|week""".split()
DUTY = """log|in sign|in pay open|my|account reset|my|password install|it connect|to|the|wifi download|the|file upload|my|photo cancel|my|order use|it save|my|work
reach|anyone get|a|refund find|my|data print export|the|report change|my|address""".split()
FIGURE = """profit profits revenue revenues sales earnings orders margins shares net|income operating|profit turnover bookings the|share|price output exports
subscriptions customer|numbers market|share productivity shares shares customer|satisfaction net|sales cash|flow the|stock""".split()
BURDEN = "debt losses costs complaints the|deficit unemployment churn the|error|rate downtime waste returns|and|complaints delays the|backlog".split()
MORE = "rose increased grew climbed jumped surged soared doubled went|up".split()
UP = MORE + "improved gained advanced rebounded recovered".split()
LESS = "fell dropped declined decreased went|down halved".split()
DOWN = LESS + "slid slumped plunged sank shrank tumbled weakened collapsed".split()
TERM = """in|the|first|quarter in|the|third|quarter last|year this|year year|on|year in|March from|a|year|earlier for|the|second|year|running after|the|announcement
compared|to|last|year in|the|first|half on|Monday""".split()
FIRM = "the|company the|firm the|group the|bank the|retailer the|supplier the|airline the|manufacturer the|startup our|competitor the|carmaker".split()
GOODNEWS = """won|a|large|contract won|an|award reported|record|profits posted|record|sales beat|expectations raised|its|forecast raised|its|dividend returned|to|profit
will|create|200|jobs signed|a|major|deal opened|two|new|plants gained|market|share exceeded|its|targets secured|new|funding reported|strong|results
reported|strong|demand expanded|its|market|lead outperformed|its|rivals announced|a|breakthrough""".split()
BADNEWS = """issued|a|profit|warning will|cut|300|jobs is|laying|off|staff laid|off|workers filed|for|bankruptcy missed|expectations cut|its|forecast cut|its|dividend
reported|a|loss posted|a|net|loss was|fined recalled|its|cars lost|a|key|customer lost|market|share closed|its|plant is|under|investigation
faces|a|lawsuit suffered|a|data|breach missed|its|targets defaulted|on|its|debt warned|of|weak|demand reported|weak|results will|close|two|factories""".split()
PLAINNEWS = """is|based|in|Oslo has|40|employees publishes|its|results|in|May operates|in|twelve|countries makes|paper|machines will|hold|its|annual|meeting|in|April
did|not|disclose|the|price employs|900|people|worldwide was|founded|in|1994 is|part|of|a|larger|group said|so|in|a|statement owns|a|plant|in|Spain
will|move|its|office|to|Lyon appointed|a|new|board|member agreed|to|move|the|date is|listed|in|Helsinki|since|2001 plans|to|meet|next|week""".split()
PLEASED = "happy satisfied impressed pleased glad grateful thrilled delighted excited amazed".split()
CROSS = "disappointed frustrated angry upset annoyed bored confused unhappy dissatisfied let|down offended".split()
EASE = "disappoint fail bore frustrate annoy upset confuse crash break".split()
DELIGHT = "impress amaze delight surprise|me please entertain deliver help make|me|smile".split()
MILD = "bad terrible awful horrible boring rude slow ugly difficult hard complicated expensive disappointing useless confusing painful dirty noisy annoying poor".split()
NICE = "good great nice easy helpful fast clear useful reliable comfortable friendly tasty fun impressive pleasant fresh clean polite exciting funny".split()
SUBJECT = "it it this that everything the|film the|meal the|trip the|call the|talk the|food the|staff the|room the|service the|process the|whole|thing the|setup the|price".split()
PLACES = "the|room the|bathroom the|kitchen the|lobby the|bed the|beach the|soup the|steak the|coffee the|bread the|waiter the|waitress the|driver the|guide the|host our|agent the|nurse the|dentist the|sound the|picture the|design the|layout the|material".split()
BE = "is was is was were are looks seems feels".split()
HOW = ["", "", "", "very ", "really ", "so ", "pretty ", "quite ", "extremely "]
FINE = NICE + "lovely spotless delicious wonderful amazing superb cosy quiet warm generous honest modern lovely|and|warm".split()
POOR = MILD + "cold stale filthy broken faulty tasteless rude cheap flimsy greasy cramped outdated smelly salty dull".split()
FLAWS = "ads bugs crashes delays errors complaints problems issues surprises queues fees scratches".split()
SHUT = "stores branches offices factories plants shops".split()
ME = "I we my|wife my|husband my|kids my|team our|customers everyone|here".split()


def pick(r, words):
    return r.choice(words).replace("|", " ")


def plain(r):
    """Neutral: an event, a fact, a request, a lukewarm word."""
    p = lambda w: pick(r, w)
    n = lambda lo=2, hi=90: str(r.randint(lo, hi))
    s = r.choice([
        lambda: f"{p(WHO)} {p(DID)} {p(WHERE)}", lambda: f"{p(WHO)} {p(DID)} {p(WHERE)} {p(WHEN)}", lambda: f"{p(WHO)} {p(DID)} {p(WHERE)}",
        lambda: f"{p(WHO)} {p(MADE)} {p(OBJECT)}", lambda: f"{p(WHO)} {p(MADE)} {p(OBJECT)} {p(WHEN)}", lambda: f"{p(OBJECT)} was {p(MADE)} {p(WHEN)}",
        lambda: f"{p(OBJECT)} is {r.choice(['in', 'near', 'behind', 'next to', 'under'])} {p(WHERE)}", lambda: f"{p(WHERE)} is {r.choice(['near', 'behind', 'next to', 'opposite'])} {p(WHERE)}",
        lambda: f"{p(WHO)} works as {p(ROLE)}", lambda: f"{p(WHO)} is {p(ROLE)}", lambda: f"{r.choice(['we use', 'the team uses', 'it runs on', 'the server runs', 'our data is stored in', 'I work with', 'it is written in'])} {p(SYSTEM)}", lambda: f"we use {p(SYSTEM)} for {r.choice(['storage', 'reports', 'planning', 'testing', 'email', 'our website'])}",
        lambda: f"{p(CITY)} is {r.choice(['the capital of', 'a city in', 'north of', 'a town in'])} {p(LAND)}", lambda: f"{p(WHO)} {r.choice(['flew', 'moved', 'went', 'drove'])} from {p(CITY)} to {p(CITY)}", lambda: f"{p(MATERIAL)} {r.choice(['melts', 'boils', 'freezes', 'is sold', 'is stored'])} at {n()} degrees", lambda: f"{p(MATERIAL)} is {r.choice(['made from', 'mixed with', 'lighter than', 'stored with'])} {p(MATERIAL)}",
        lambda: f"{p(WHERE)} {r.choice(['opens at', 'closes at'])} {r.choice(['nine', 'ten', 'noon', n(1, 12)])}", lambda: f"{p(OBJECT)} {r.choice(['weighs', 'is'])} {n()} {r.choice(['kg', 'grams', 'cm', 'metres', 'pages long'])}", lambda: f"{p(OBJECT)} is {r.choice(['attached', 'enclosed', 'below', 'on page 3', 'in the shared folder', 'ready for review', 'in the mail'])}",
        lambda: f"{r.choice(['please', 'can you', 'could you please', 'please find', 'let me know if you'])} {r.choice(['send me', 'check', 'forward', 'review', 'see', 'return', 'need', 'sign'])} {p(OBJECT)}", lambda: f"{r.choice(['please send me a copy of', 'I need a copy of', 'attached is', 'here is', 'I have attached'])} {p(OBJECT)}",
        lambda: f"{r.choice(['we agreed to', 'we decided to', 'the plan is to', 'the next step is to', 'I will', 'Anna will', 'Tom will', 'the team will', 'they agreed to', 'the board decided to'])} {r.choice(['postpone', 'move', 'review', 'discuss', 'prepare', 'update', 'test', 'schedule', 'repeat', 'document'])} {r.choice(['the launch', 'the meeting', 'the release', 'the budget', 'the slides', 'the plan', 'the call', 'the contract', 'the test', 'the draft'])}{r.choice(['', ' ' + p(WHEN), ' by Friday', ' next week'])}",
        lambda: f"{r.choice(['how do I', 'where can I', 'when can I', 'can I', 'how can we', 'do I have to', 'is it possible to'])} {p(DUTY)}?", lambda: f"{r.choice(['did', 'does', 'will'])} {p(WHO)} {r.choice(['live', 'work', 'stop', 'wait', 'call'])} {r.choice(['near', 'at', 'in'])} {p(WHERE)}?", lambda: f"what {r.choice(['is in', 'is next to', 'colour is', 'is on'])} {p(OBJECT)}?",
        lambda: f"{r.choice(['add', 'take', 'turn', 'mix', 'cut', 'pour', 'fold', 'press', 'hold', 'attach', 'remove', 'insert'])} {r.choice(['two', 'three', 'the', 'some'])} {r.choice(['eggs', 'cups of flour', 'onions', 'screws', 'pages', 'spoons of sugar', 'left', 'right', 'button', 'cable', 'paper', 'lid'])} {r.choice(['and stir', 'and wait', 'after the bridge', 'at the corner', 'for ten minutes', 'into the bowl', 'before you start', 'with a spoon'])}",
        lambda: f"{p(MATERIAL)} {r.choice(['is heavier than', 'is lighter than', 'travels faster than', 'is harder than', 'melts faster than', 'is cheaper than', 'is older than', 'lasts longer than'])} {p(MATERIAL)}", lambda: f"{r.choice(['the flight', 'the trip', 'the ride', 'the course', 'the film', 'the lecture', 'the drive', 'the walk'])} {r.choice(['takes', 'lasts', 'took', 'lasted'])} {n(2, 9)} {r.choice(['hours', 'days', 'minutes', 'weeks'])}",
        lambda: f"{r.choice(['action item:', 'next steps:', 'to do:', 'note:', 'we discussed that', 'we reviewed and will', 'reminder:'])} {r.choice(['update', 'review', 'send', 'check', 'plan', 'book', 'share', 'print'])} {r.choice(['the wiki', 'the roadmap', 'the list', 'the numbers', 'the room', 'the notes', 'the schedule'])}", lambda: f"we {r.choice(['reviewed', 'discussed', 'went through', 'talked about', 'looked at', 'presented'])} {r.choice(['the roadmap', 'the budget', 'the numbers', 'the plan', 'the results', 'the schedule', 'next year', 'the draft'])}{r.choice(['', ' ' + p(WHEN), ' for next year', ' with the client'])}",
        lambda: f"{p(FIRM)} {p(PLAINNEWS)}", lambda: f"{p(FIRM)} {p(PLAINNEWS)}", lambda: f"{p(FIRM)} {r.choice(['reported', 'had', 'expects'])} {r.choice(['revenue', 'sales', 'costs'])} of {n()} million {r.choice(['euros', 'dollars', 'pounds'])}",
        lambda: f"{r.choice(['it is', 'it was', 'the food is', 'the room is', 'the phone is', 'the price is', 'they are', 'this is'])} {r.choice(['ok', 'okay', 'so-so', 'average', 'alright I guess', 'okay I guess', 'neither good nor bad', 'nothing special', 'about what I expected', 'just average', 'what it is'])}", lambda: r.choice(["it's ok", "it's okay", "okay", "ok", "it's alright", "it's average", "so-so", "meh", "it does what it says", "it does the job, that is all", "not good, not bad", "not bad, not good", "neither great nor terrible", "not amazing, not awful", "could be better, could be worse", "it's fine, I suppose"]),
    ])()
    return s


def mixed(r):
    """One thing good, another bad, told side by side."""
    a, b = pick(r, FINE), pick(r, POOR)
    x, y = pick(r, PLACES), pick(r, PLACES)
    if r.random() < 0.5:
        a, b = b, a
    return r.choice([
        lambda: f"{x} {r.choice(['is', 'was'])} {a} but {y} {r.choice(['is', 'was'])} {b}", lambda: f"{x} {r.choice(['is', 'was'])} {a}, {y} {r.choice(['is', 'was'])} {b}",
        lambda: f"{a} {x.removeprefix('the ')}, {b} {y.removeprefix('the ')}", lambda: f"{x} {r.choice(['is', 'was'])} {a}, but {y} is not", lambda: f"{a} {x.removeprefix('the ')} but {b} {y.removeprefix('the ')}",
    ])()


def verdict(r, good):
    """Positive or negative: what works or fails, figures, negations."""
    p = lambda w: pick(r, w)
    n = lambda lo=2, hi=60: str(r.randint(lo, hi))
    det = r.choice(["the", "the", "the", "my", "this", ""])
    moved = f"{p(FIGURE)} {p(UP if good else DOWN)}" if r.random() < 0.7 else f"{p(BURDEN)} {p(LESS if good else MORE)}"
    amount = r.choice(["", f" {n()}%", f" by {n()}%", f" {n()} percent", f" to {n()} million euros", f" by {n()} percent to {n()} million", " sharply", " significantly", " again"])
    not_be = r.choice(["is not", "isn't", "wasn't", "was not", "was never", "is never", "isn't at all", "wasn't at all", "was not even"])
    not_am = r.choice(["was not", "wasn't", "am not", "was never", "were not", "weren't"])
    never = r.choice(["never", "didn't", "did not", "doesn't", "does not", "won't"])
    if good:
        return r.choice([
            lambda: f"{r.choice(['exactly', 'just', 'precisely'])} what I {r.choice(['was looking for', 'needed', 'wanted', 'hoped for', 'ordered'])}", lambda: f"{r.choice(['it', 'this', 'the ' + r.choice(PART)])} {r.choice(['hasn’t', 'has not', 'has never'])} {r.choice(['failed', 'crashed', 'let me down', 'disappointed me', 'broken', 'stopped'])} {r.choice(['once', 'yet', 'so far', 'in two years'])}", lambda: f"I {r.choice(['never had', 'have never had', 'haven’t had', 'have had no', 'had no', 'have no'])} {r.choice(['trouble', 'problems', 'issues', 'any trouble', 'regrets', 'complaints'])}{r.choice(['', ' with it', ' so far'])}", lambda: f"{r.choice(['it', 'this', 'the ' + r.choice(PART)])} helps {r.choice(['me', 'us', 'my team'])} {r.choice(['sleep', 'focus', 'work', 'learn', 'save money', 'plan', 'cook'])} {r.choice(['better', 'faster', 'a lot', 'every day'])}",
            lambda: f"{p(SUBJECT)} {r.choice(BE)} {r.choice(HOW)}{p(FINE)}", lambda: f"{p(PLACES)} {r.choice(BE)} {r.choice(HOW)}{p(FINE)}", lambda: f"{p(PLACES)} {r.choice(BE)} {p(FINE)} and {p(FINE)}", lambda: f"{p(SUBJECT)} {r.choice(['doesn’t', 'does not', 'didn’t', 'never'])} {r.choice(['feel', 'look', 'seem', 'sound'])} {r.choice(MILD)}", lambda: f"{r.choice(FINE).replace('|', ' ')} {r.choice(['design', 'place', 'people', 'work', 'food', 'sound'])} and no {r.choice(FLAWS)}", lambda: f"{r.choice(['not a single', 'not one', 'never a'])} {r.choice(['complaint', 'problem', 'issue', 'error', 'bug'])}", lambda: f"{r.choice(['highly', 'strongly', 'definitely', 'warmly'])} recommended", lambda: f"{p(SUBJECT)} {r.choice(['makes', 'made'])} me {r.choice(['happy', 'smile', 'laugh', 'proud', 'feel good'])}", lambda: f"{r.choice(['better', 'faster', 'nicer', 'tastier'])} than {r.choice(['any', 'every', 'all'])} {r.choice(['other ', ''])}{r.choice(PART)} I {r.choice(['had', 'tried', 'owned', 'used'])}", lambda: f"it isn't perfect, but {r.choice(['I like it', 'I love it', 'it works well', 'it is very good'])}", lambda: f"I {r.choice(['don’t', 'do not', 'didn’t'])} {r.choice(['dislike', 'hate', 'regret', 'mind'])} {r.choice(['it', 'this', 'them'])}",
            lambda: f"{det} {r.choice(PART)} {p(WORKS)}", lambda: f"{det} {r.choice(PART)} {p(WORKS)}", lambda: f"{det} {r.choice(PART)} {p(WORKS)} and {p(WORKS)}", lambda: f"it {p(WORKS)}",
            lambda: f"{moved}{amount} {p(TERM)}", lambda: f"{moved}{amount} {p(TERM)}", lambda: f"{moved}{amount}", lambda: f"{p(FIRM)} {p(GOODNEWS)}", lambda: f"{p(FIRM)} {p(GOODNEWS)} {p(TERM)}",
            lambda: f"{p(SUBJECT)} {not_be} {r.choice(['', 'that ', 'too '])}{r.choice(MILD)}", lambda: f"{p(SUBJECT)} {not_be} {r.choice(MILD)}", lambda: f"it's not {r.choice(['', 'that ', 'so '])}{r.choice(MILD)}", lambda: f"not {r.choice(MILD)}{r.choice([' at all', '', ', really', ' actually'])}",
            lambda: f"{p(ME)} {not_am} {r.choice(['', 'at all '])}{p(CROSS)}", lambda: f"I wasn't {p(CROSS)}", lambda: f"{p(SUBJECT)} {r.choice(['never', 'did not', 'does not'])} {r.choice(EASE)}", lambda: f"{p(SUBJECT)} never fails to {p(DELIGHT)}", lambda: f"{p(SUBJECT)} isn't the worst {r.choice(PART)} I've {r.choice(['had', 'used', 'owned', 'seen'])}", lambda: f"not the worst {r.choice(PART)}",
            lambda: f"I couldn't {r.choice(['be happier', 'be more pleased', 'ask for more', 'recommend it more', 'have asked for better'])}", lambda: f"I can't recommend {r.choice(['it', 'them', 'this place', 'this ' + r.choice(PART)])} enough", lambda: f"{p(ME)} {r.choice(['am', 'are', 'is', 'was', 'were'])} {r.choice(['very ', 'so ', ''])}{p(PLEASED)}", lambda: f"{p(SUBJECT)} {r.choice(['is', 'was'])} {r.choice(['much ', 'far ', 'a lot ', ''])}{r.choice(['better', 'faster', 'easier', 'quieter', 'nicer', 'clearer'])} than {r.choice(['before', 'my old one', 'the last one', 'I expected', 'the old version'])}",
            lambda: f"{p(ME)} {r.choice(['did', 'does'])} {r.choice(['an outstanding', 'a great', 'an excellent', 'a fantastic', 'a superb', 'a wonderful'])} job{r.choice(['', ' this quarter', ' ' + p(WHEN)])}", lambda: f"{r.choice(['support', 'the team', 'they', 'the agent', 'Maria', 'the technician'])} {r.choice(['fixed', 'solved', 'sorted out', 'resolved'])} {r.choice(['it', 'my problem', 'the issue', 'everything'])} {r.choice(['quickly', 'in minutes', 'within an hour', 'right away', 'the same day'])}", lambda: f"{r.choice(['delivery', 'shipping', 'the refund', 'the reply', 'setup', 'check-in'])} was {r.choice(['quick', 'fast', 'easy', 'early', 'painless', 'prompt'])}",
            lambda: f"{r.choice(['expensive', 'slow to arrive', 'not cheap', 'a bit heavy', 'hard to set up', 'plain'])}, but {r.choice(['worth it', 'worth every cent', 'I love it', 'it works perfectly', 'it does the job well', 'totally worth it'])}", lambda: f"despite {r.choice(['the price', 'the wait', 'the long delivery', 'a few flaws'])}, {r.choice(['I love it', 'it is excellent', 'I am very happy', 'we had a great time'])}",
        ])()
    return r.choice([
        lambda: f"{r.choice(['syncing', 'loading', 'support', 'delivery', 'it', 'the download', 'every update'])} takes {r.choice(['forever', 'ages', 'far too long', 'way too long'])}", lambda: f"{r.choice(['we are', 'the project is', 'they are', 'the team is'])} {r.choice(['behind schedule', 'over budget', 'late again', 'stuck', 'blocked by bugs', 'short of staff'])}", lambda: f"I {r.choice(['regret buying', 'am sorry I bought', 'wish I had not bought', 'would not buy', 'had to send back', 'gave up on'])} {r.choice(['it', 'this', 'them', 'the ' + r.choice(PART)])}", lambda: f"{r.choice(['nobody', 'no one', 'support never', 'they never', 'the seller never'])} {r.choice(['answered', 'replied', 'answers', 'called back', 'responded'])}{r.choice(['', ' my emails', ' my call', ' to my message'])}", lambda: f"{r.choice(['returned it', 'deleted it', 'uninstalled it', 'sent it back', 'cancelled'])} {r.choice(['the same day', 'after five minutes', 'after a week', 'right away'])}",
        lambda: f"{p(SUBJECT)} {r.choice(BE)} {r.choice(HOW)}{p(POOR)}", lambda: f"{p(PLACES)} {r.choice(BE)} {r.choice(HOW)}{p(POOR)}", lambda: f"{p(PLACES)} {r.choice(BE)} {p(POOR)} and {p(POOR)}", lambda: f"{p(SUBJECT)} {r.choice(['doesn’t', 'does not', 'didn’t', 'never'])} {r.choice(['feel', 'look', 'seem', 'sound'])} {r.choice(NICE)}", lambda: f"{r.choice(POOR).replace('|', ' ')} {r.choice(['design', 'place', 'people', 'work', 'food', 'sound'])} and {r.choice(['too many', 'lots of', 'constant'])} {r.choice(FLAWS)}", lambda: f"not {r.choice(['recommended', 'satisfied', 'impressed', 'happy', 'what I hoped for', 'what I wanted', 'what I paid for', 'as described', 'as advertised'])}", lambda: f"{r.choice(['nothing', 'hardly anything', 'half of it never'])} {r.choice(['works', 'works as described', 'works here', 'worked'])}", lambda: f"{p(SUBJECT)} {r.choice(['makes', 'made'])} me {r.choice(['angry', 'sad', 'sick', 'furious', 'nervous', 'feel ignored', 'want to cry'])}", lambda: f"{r.choice(['the agent', 'they', 'support', 'the clerk', 'the driver'])} {r.choice(['hung up on me', 'never called back', 'refused to help', 'yelled at me', 'ignored my question', 'lied to me', 'cancelled without notice', 'kept me waiting'])}", lambda: f"{p(FIRM)} {r.choice(['will close', 'closed', 'is closing', 'announced plans to close'])} {n()} {r.choice(SHUT)}", lambda: f"it smells {r.choice(['bad', 'awful', 'of chemicals', 'terrible'])}", lambda: f"{p(ME)} {r.choice(['can’t', 'cannot', 'could not', 'would not'])} recommend {r.choice(['it', 'this', 'them', 'this place', 'the ' + r.choice(PART)])}", lambda: f"I {r.choice(['don’t', 'do not', 'didn’t'])} {r.choice(['like', 'love', 'trust', 'enjoy'])} {r.choice(['it', 'this', 'them'])}",
        lambda: f"{det} {r.choice(PART)} {p(FAILS)}", lambda: f"{det} {r.choice(PART)} {p(FAILS)} {p(CASE)}", lambda: f"{det} {r.choice(PART)} {p(FAILS)} {p(CASE)}", lambda: f"{p(FAILS)} {p(CASE)}", lambda: f"it {p(FAILS)} {p(CASE)}",
        lambda: f"I {r.choice(['still can’t', 'can’t', 'cannot', 'am unable to', 'was not able to', 'couldn’t', 'still cannot'])} {p(DUTY)}{r.choice(['', ' ' + p(CASE)])}", lambda: f"{moved}{amount} {p(TERM)}", lambda: f"{moved}{amount} {p(TERM)}", lambda: f"{moved}{amount}", lambda: f"{p(FIRM)} {p(BADNEWS)}", lambda: f"{p(FIRM)} {p(BADNEWS)} {p(TERM)}",
        lambda: f"{p(SUBJECT)} {not_be} {r.choice(['', 'very ', 'that '])}{r.choice(NICE)}", lambda: f"{p(SUBJECT)} {not_be} {r.choice(NICE)}", lambda: f"{p(ME)} {not_am} {r.choice(['', 'at all '])}{p(PLEASED)}", lambda: f"{p(SUBJECT)} {never} {p(DELIGHT)}", lambda: f"{p(SUBJECT)} always fails to {p(DELIGHT)}",
        lambda: f"I don't think {p(SUBJECT)} is {r.choice(['good', 'worth it', 'worth the price', 'worth the money', 'very good', 'that great', 'fair'])}", lambda: f"{p(ME)} {r.choice(['am', 'are', 'is', 'was', 'were'])} {r.choice(['very ', 'so ', ''])}{p(CROSS)}", lambda: f"{p(SUBJECT)} {r.choice(['is', 'was'])} {r.choice(['much ', 'far ', 'a lot ', ''])}{r.choice(['worse', 'slower', 'harder', 'noisier', 'uglier'])} than {r.choice(['before', 'my old one', 'the last one', 'I expected', 'the old version'])}",
        lambda: f"{r.choice(['worse', 'slower', 'buggier', 'less reliable'])} than {r.choice(['before', 'the previous version', 'the old one', 'last year'])}", lambda: f"{r.choice(['delivery', 'shipping', 'the refund', 'the reply', 'the train', 'our order'])} was {r.choice(['late', 'very slow', 'delayed again', 'two weeks late', 'wrong'])}", lambda: f"{p(SUBJECT)} looks {r.choice(['nice', 'good', 'cheap', 'great'])} {r.choice(['but it', 'but'])} {p(FAILS)}", lambda: f"although {p(SUBJECT)} {r.choice(['looks', 'sounds', 'seemed'])} {r.choice(NICE)}, it {p(FAILS)}", lambda: f"{r.choice(['the colour', 'the size', 'the material', 'the product'])} is {r.choice(['different from', 'nothing like', 'not as in', 'not the same as in'])} {r.choice(['the picture', 'the photo', 'the description'])}", lambda: f"{det} {r.choice(PART)} feels {r.choice(['cheap', 'flimsy', 'fragile'])}",
        lambda: f"{r.choice(['the delay', 'the overrun', 'the bug', 'the outage', 'the noise', 'the cost', 'the backlog'])} is {r.choice(['a serious concern', 'a big problem', 'unacceptable', 'a risk for the project', 'worrying', 'hurting our customers'])}", lambda: f"I was {r.choice(['charged twice', 'billed for nothing', 'ignored', 'kept waiting', 'overcharged', 'put on hold for an hour'])}",
    ])()
