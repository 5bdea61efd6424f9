package reason

import (
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
