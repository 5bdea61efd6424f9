package reason

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/omni-run/omni/internal/tool/catalog"
)

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
