package reason

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// goal is one thing the problem asks for: a fact that must come to hold.
type goal struct {
	tool   string
	clause string
	why    string
	// subject is the object the tool works on; of names what is described
	// when that is a result ("forecast").
	subject string
	of      string
	// second is the other series of a comparison.
	second     string
	expression string
	query      string
	fact       string
}

// understanding is what the words and the data were taken to mean.
type understanding struct {
	facts   *facts
	clauses []string
	goals   []goal
	// unmet are the clauses no tool serves.
	unmet []string
	// missing names inputs that asked-for tools lack.
	missing []missingInput
}

type missingInput struct{ tool, field, what string }

// understand turns the problem into goals.
func (s *Service) understand(req *api.ReasonRequest) (*understanding, error) {
	u := &understanding{facts: readFacts(req.Problem, req.Context)}
	u.clauses = s.words.clauses(req.Problem)
	for _, clause := range u.clauses {
		s.read(u, clause)
	}
	u.dropPremises()
	if len(u.goals) == 0 && len(u.missing) == 0 && generic.MatchString(req.Problem) && !openEnded.MatchString(req.Problem) {
		u.byData(req.Problem)
	}
	if len(u.missing) > 0 {
		return nil, u.missingError()
	}
	if len(u.goals) == 0 {
		return nil, api.Unprocessable("needs_llm", "no tool of the platform serves this problem; it needs a language model, and none is configured. The tools: %s",
			strings.Join(s.tools.Names(), ", ")).At("problem", "asks for something no tool does")
	}
	if len(u.goals) > maxGoals {
		return nil, api.Unprocessable("too_many_goals", "the problem asks for %d things; at most %d are taken at once", len(u.goals), maxGoals).At("problem", "asks for %d things", len(u.goals))
	}
	for _, g := range u.goals {
		if g.tool == catalog.Forecast && (u.facts.horizon != 0 || u.facts.stated != "") && (u.facts.horizon < 1 || u.facts.horizon > catalog.MaxHorizon) {
			return nil, api.Unprocessable("horizon_out_of_range", "the horizon must be from 1 to %d steps (taken from %s)", catalog.MaxHorizon, u.facts.stated).At("horizon", "out of range")
		}
	}
	return u, nil
}

func (u *understanding) missingError() error {
	m := u.missing[0]
	err := api.Unprocessable("missing_input", "%s needs %s; add it as %s", m.tool, m.what, m.field)
	for _, m := range u.missing {
		err = err.At(m.field, "missing: %s", m.what)
	}
	return err
}

// read adds the goals of one clause.
func (s *Service) read(u *understanding, clause string) {
	if openEnded.MatchString(clause) {
		u.unmet = append(u.unmet, clause)
		return
	}
	asked := s.words.asked(clause)
	if len(asked) == 0 && declined.MatchString(clause) {
		return // it only says what is not wanted
	}
	if u.derive(clause, asked) {
		return
	}
	withValues, names := u.substitute(clause)
	expression, sums := calc.Find(withValues)
	if sums && names == "" && len(asked) > 0 && onlyStatistics(asked) {
		if _, list := u.literalIn(clause); list && asked[catalog.Calculate] == nil && !strings.ContainsAny(expression, "%*/^+") {
			sums = false // "average of 3, -4 and 5" is a list, not a sum
		}
	}
	can := func(name string) bool { return len(u.lacks(name, clause, expression)) == 0 }
	if sums && onlyStatistics(asked) {
		u.addGoal(goal{tool: catalog.Calculate, clause: clause, why: "the words hold a calculation", expression: expression, fact: "value:" + expression})
		return
	}
	var runnable, all []string
	for name := range asked {
		all = append(all, name)
		if can(name) {
			runnable = append(runnable, name)
		}
	}
	sort.Strings(all)
	sort.Strings(runnable)
	if len(all) == 0 {
		s.bySimilarity(u, clause, can)
		return
	}
	runnable = settle(runnable, u)
	if len(runnable) == 0 {
		best := all[0]
		for _, name := range all {
			if weight(asked[name]) > weight(asked[best]) {
				best = name
			}
		}
		if best == catalog.RemoveAnomalies || best == catalog.FindOutliers || best == catalog.ForecastRevenue {
			best = map[string]string{catalog.ForecastRevenue: catalog.Forecast}[best]
			if best == "" {
				best = catalog.DetectAnomalies
			}
		}
		u.missing = append(u.missing, u.lacks(best, clause, expression)...)
		return
	}
	for _, name := range runnable {
		u.aim(name, clause, "the words "+quoteAll(asked[name]))
	}
}

// derive serves a question that named quantities answer by definition, such as
// the profit of revenue and costs.
func (u *understanding) derive(clause string, asked map[string][]string) bool {
	if !onlyStatistics(asked) || len(asked) > 0 && u.facts.has(kindSeries) {
		return false
	}
	expression, ok := calc.Derive(clause, u.facts.quantities)
	if ok {
		u.addGoal(goal{tool: catalog.Calculate, clause: clause, why: "the quantities it takes are given by name", expression: expression, fact: "value:" + expression})
	}
	return ok
}

// outcome asks for no more than the result of the sentence before.
var outcome = regexp.MustCompile(`(?i)^(?:so |then )?(?:what(?:'s| is| will be| would be)|how much is) (?:the |its |my )?(?:final |new |total |discounted |sale |resulting )*(?:price|amount|result|answer|value|total|cost)$`)

// dropPremises forgets the clauses that only stated what a calculation then
// used, or asked for its result.
func (u *understanding) dropPremises() {
	calculates := slices.ContainsFunc(u.goals, func(g goal) bool { return g.tool == catalog.Calculate })
	if calculates {
		u.unmet = slices.DeleteFunc(u.unmet, func(clause string) bool { return len(calc.Stated(clause)) > 0 || outcome.MatchString(clause) })
	}
}

func onlyStatistics(asked map[string][]string) bool {
	for name := range asked {
		if name != catalog.Calculate && name != catalog.Describe && name != catalog.Compare {
			return false
		}
	}
	return true
}

func weight(phrases []string) int {
	n := 0
	for _, p := range phrases {
		n += len(p)
	}
	return n
}

func quoteAll(phrases []string) string {
	quoted := make([]string, len(phrases))
	for i, p := range phrases {
		quoted[i] = strconv.Quote(p)
	}
	return strings.Join(quoted, ", ")
}

// settle drops the tools whose work another runnable one does better.
func settle(names []string, u *understanding) []string {
	has := map[string]bool{}
	for _, n := range names {
		has[n] = true
	}
	if has[catalog.DetectAnomalies] && has[catalog.FindOutliers] {
		if u.tabular() {
			delete(has, catalog.DetectAnomalies)
		} else {
			delete(has, catalog.FindOutliers)
		}
	}
	if has[catalog.Forecast] || has[catalog.DetectAnomalies] {
		delete(has, catalog.RemoveAnomalies) // a means, not an end
	}
	delete(has, catalog.ForecastRevenue) // the planner chooses it as a means
	if has[catalog.RankTexts] {
		delete(has, catalog.SearchVectors)
	}
	if has[catalog.Recommend] || has[catalog.Schedule] || has[catalog.Churn] || has[catalog.Sentiment] {
		delete(has, catalog.RankTexts)
		if !u.facts.has(kindSeries) {
			delete(has, catalog.Describe)
		}
	}
	if has[catalog.Compare] {
		delete(has, catalog.Describe)
	}
	if len(has) > 1 {
		delete(has, catalog.Calculate)
	}
	var out []string
	for _, n := range names {
		if has[n] {
			out = append(out, n)
		}
	}
	return out
}

// tabular reports rows of several features without a time order.
func (u *understanding) tabular() bool {
	for _, o := range u.facts.of(kindRows) {
		rows := catalog.Objects(o.value)
		dated := false
		for _, k := range dateKeys {
			_, has := rows[0][k]
			dated = dated || has
		}
		if !dated {
			return true
		}
	}
	return false
}

// lacks names the inputs a tool would miss.
func (u *understanding) lacks(name, clause, expression string) []missingInput {
	need := func(kind, field, what string) []missingInput {
		if u.facts.has(kind) {
			return nil
		}
		return []missingInput{{name, field, what}}
	}
	switch name {
	case catalog.Forecast, catalog.DetectAnomalies, catalog.Describe, catalog.RemoveAnomalies:
		return need(kindSeries, "context.series", "a list of numbers")
	case catalog.ForecastRevenue, catalog.FindOutliers:
		return need(kindRows, "context.rows", "a list of rows, each an object of numbers")
	case catalog.Compare:
		if len(u.facts.of(kindSeries)) >= 2 {
			return nil
		}
		return []missingInput{{name, "context", "two lists of numbers under names of their own"}}
	case catalog.Sentiment:
		return need(kindTexts, "context.texts", "a list of texts")
	case catalog.RankTexts:
		if u.facts.has(kindTexts) && u.query(clause) != "" {
			return nil
		}
		return []missingInput{{name, "context.texts", "a list of texts, and what to look for"}}
	case catalog.Recommend, catalog.Churn:
		return need(kindUser, "context.user_id", "the id of a user")
	case catalog.Schedule:
		return append(need(kindTasks, "context.tasks", "tasks, each with id and duration"), need(kindWorkers, "context.workers", "a count of workers or a list of them")...)
	case catalog.SearchVectors:
		if u.query(clause) != "" {
			return nil
		}
		return []missingInput{{name, "context.query", "what to look for"}}
	case catalog.Calculate:
		if expression != "" {
			return nil
		}
		return []missingInput{{name, "problem", "numbers joined by an operation, such as 17% of 2340"}}
	}
	return []missingInput{{name, "context", "an input"}}
}

// query finds what a clause looks for: a quotation, context.query, or the words
// after "for" or "about".
func (u *understanding) query(clause string) string {
	if q := u.facts.strings["query"]; q != "" {
		return q
	}
	if len(u.facts.quoted) > 0 {
		return u.facts.quoted[0]
	}
	lower := strings.ToLower(clause)
	for _, word := range []string{" about ", " for ", " to "} {
		if i := strings.Index(lower, word); i >= 0 && i+len(word) < len(clause) {
			return strings.TrimSpace(clause[i+len(word):])
		}
	}
	return ""
}

// literalIn returns the list of numbers the clause itself spells out.
func (u *understanding) literalIn(clause string) (object, bool) {
	for _, o := range u.facts.of(kindSeries) {
		if o.literal && numberList.MatchString(clause) {
			return o, true
		}
	}
	return object{}, false
}

// substitute puts the context's numbers in the place of their names.
func (u *understanding) substitute(clause string) (text, names string) {
	text = " " + strings.ToLower(clause) + " "
	keys := make([]string, 0, len(u.facts.scalars))
	for k := range u.facts.scalars {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		return len(keys[i]) > len(keys[j]) || len(keys[i]) == len(keys[j]) && keys[i] < keys[j]
	})
	for _, k := range keys {
		for _, form := range []string{strings.ToLower(k), strings.ReplaceAll(strings.ToLower(k), "_", " ")} {
			if i := strings.Index(text, " "+form+" "); i >= 0 && len(form) > 1 {
				v := strconv.FormatFloat(u.facts.scalars[k], 'f', -1, 64)
				text, names = text[:i+1]+v+text[i+1+len(form):], names+" "+k
				break
			}
		}
	}
	if names == "" {
		return clause, ""
	}
	return text, names
}

// bySimilarity serves a clause that holds no trigger.
func (s *Service) bySimilarity(u *understanding, clause string, can func(string) bool) {
	runs := func(name string) bool {
		return name != catalog.ExtractSeries && name != catalog.RemoveAnomalies && name != catalog.ForecastRevenue && can(name)
	}
	name, match := s.words.similar(clause, runs)
	if name == "" {
		if !generic.MatchString(clause) {
			u.unmet = append(u.unmet, clause)
		}
		return
	}
	u.aim(name, clause, fmt.Sprintf("similarity of the words, %.2f", match.Fits()))
}

// summary of a text is writing, which no tool does.
var summary = regexp.MustCompile(`(?i)\bsummar`)

// byData picks what is usually asked of the data when the words are general.
func (u *understanding) byData(clause string) {
	const why = "a general question about the data"
	switch {
	case u.facts.has(kindTasks) && u.facts.has(kindWorkers):
		u.aim(catalog.Schedule, clause, why)
	case u.facts.has(kindTexts) && !summary.MatchString(clause):
		u.aim(catalog.Sentiment, clause, why)
	case u.tabular():
		u.aim(catalog.FindOutliers, clause, why)
	case u.facts.has(kindSeries):
		u.aim(catalog.Describe, clause, why)
		u.aim(catalog.DetectAnomalies, clause, why)
	}
}

// aim adds the goals of running a tool for a clause.
func (u *understanding) aim(name, clause, why string) {
	g := goal{tool: name, clause: clause, why: why}
	switch name {
	case catalog.Forecast, catalog.DetectAnomalies, catalog.Describe:
		u.aimSeries(g)
		return
	case catalog.RemoveAnomalies:
		for _, o := range u.facts.pick(kindSeries, clause) {
			g.subject, g.fact = o.name, "series:"+o.name+" without anomalies"
			u.addGoal(g)
		}
		return
	case catalog.Compare:
		pair := u.facts.pick(kindSeries, clause)
		if len(pair) < 2 {
			pair = u.facts.of(kindSeries)
		}
		g.subject, g.second = pair[0].name, pair[1].name
		g.fact = "comparison:" + g.subject + "," + g.second
	case catalog.FindOutliers:
		g.subject = u.facts.of(kindRows)[0].name
		g.fact = "outliers:" + g.subject
	case catalog.Sentiment:
		for _, o := range u.facts.pick(kindTexts, clause) {
			g.subject, g.fact = o.name, "sentiment:"+o.name
			u.addGoal(g)
		}
		return
	case catalog.RankTexts:
		g.subject, g.query = u.facts.of(kindTexts)[0].name, u.query(clause)
		g.fact = "ranking:" + g.subject
	case catalog.SearchVectors:
		g.query = u.query(clause)
		g.fact = "matches:" + g.query
	case catalog.Recommend, catalog.Churn:
		g.subject = u.facts.of(kindUser)[0].name
		g.fact = map[string]string{catalog.Recommend: "recommendations:", catalog.Churn: "churn:"}[name] + g.subject
	case catalog.Schedule:
		g.subject = u.facts.of(kindTasks)[0].name
		g.fact = "schedule:" + g.subject
	}
	u.addGoal(g)
}

func (u *understanding) aimSeries(g goal) {
	chosen := u.facts.pick(kindSeries, g.clause)
	if o, ok := u.literalIn(g.clause); ok && g.tool == catalog.Describe {
		chosen = []object{o}
	}
	for _, o := range chosen {
		g.subject, g.of = o.name, ""
		switch g.tool {
		case catalog.Forecast:
			g.fact = "forecast:" + o.name
		case catalog.DetectAnomalies:
			g.fact = "anomalies:" + o.name
		default:
			g.fact = "statistics:" + o.name
			if yielding.MatchString(g.clause) || theirs.MatchString(g.clause) && u.forecasts(o.name) {
				g.of, g.fact = "forecast", "statistics:forecast:"+o.name
			}
		}
		u.addGoal(g)
	}
}

// forecasts reports whether the forecast of a series was asked for before.
func (u *understanding) forecasts(name string) bool {
	return slices.ContainsFunc(u.goals, func(g goal) bool { return g.fact == "forecast:"+name })
}

func (u *understanding) addGoal(g goal) {
	for _, known := range u.goals {
		if known.fact == g.fact {
			return
		}
	}
	u.goals = append(u.goals, g)
}
