package churn

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/churn"
	"github.com/omni-run/omni/internal/service"
)

const (
	maxUserID  = 256
	maxDrivers = 10
	shipped    = "shipped prior"
)

func (s *Service) predict(ctx context.Context, call *service.Call, req *api.ChurnRequest) (*api.ChurnAnswer, error) {
	if len(req.UserID) > maxUserID {
		return nil, api.Unprocessable("bad_user_id", "user_id has %d bytes; the limit is %d", len(req.UserID), maxUserID).At("user_id", "is too long")
	}
	features, bad := flatten(req.Context)
	if bad != nil {
		return nil, bad
	}
	row, bad := readRow(features, "context")
	if bad != nil {
		return nil, bad
	}
	tenant, err := s.current(ctx, call.Tenant)
	if err != nil {
		return nil, fmt.Errorf("loading the tenant's churn model: %w", err)
	}
	names := slices.Sorted(maps.Keys(row))
	p := prediction{model: tenant.model, row: row, label: fmt.Sprintf("tenant v%d", tenant.version), given: features}
	if tenant.model == nil {
		u := understand(row, names)
		p = prediction{model: s.prior, row: u.row, label: shipped, given: features, from: u.from}
		u.warn(call)
	} else {
		warnUnused(call, tenant.model, row, names)
	}
	answer := p.answer(call)
	answer.UserID = req.UserID
	return answer, nil
}

func (u understood) warn(call *service.Call) {
	if len(u.unused) > 0 {
		call.Warn("the shipped prior could not use: %s; train a model of your own with POST /predict/churn/train", list(u.unused))
	}
	if len(u.read) > 0 {
		call.Warn("read %s", list(u.read))
	}
}

func warnUnused(call *service.Call, m *churn.Model, row churn.Row, names []string) {
	known := m.Names()
	var unused, missing []string
	for _, name := range names {
		if !slices.Contains(known, name) && row[name].Kind != churn.Missing {
			unused = append(unused, name)
		}
	}
	for _, name := range known {
		if row[name].Kind == churn.Missing {
			missing = append(missing, name)
		}
	}
	if len(unused) > 0 {
		call.Warn("the tenant's model was not trained with: %s", list(unused))
	}
	if len(missing) > 0 {
		call.Warn("features the tenant's model knows are missing: %s", list(missing))
	}
}

// list joins names for a warning, not without end.
func list(names []string) string {
	const most = 20
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return strings.Join(names, ", ") + more
}

// prediction is one model asked about one row.
type prediction struct {
	model *churn.Model
	row   churn.Row
	label string
	given map[string]json.RawMessage
	from  map[string]string // the prior's feature to the caller's, or nil
}

func (p prediction) answer(call *service.Call) *api.ChurnAnswer {
	coverage := p.model.Coverage(p.row)
	confidence := coverage * max(0, min(1, 2*p.model.AUC-1))
	a := &api.ChurnAnswer{Model: p.label, Drivers: []api.ChurnDriver{}, Confidence: confidence, ConfidenceLevel: confidenceLevel(confidence)}
	if coverage == 0 {
		call.Warn("no feature of the context is one the %s knows: the probability is the share of churners in its training data", p.label)
		a.ChurnProbability = p.model.BaseRate
		a.BaseLogOdds = logit(p.model.BaseRate)
		a.RiskLevel = riskLevel(a.ChurnProbability)
		return a
	}
	odds, base, parts := p.model.Predict(p.row)
	a.BaseLogOdds, a.ChurnProbability = base, 1/(1+math.Exp(-odds))
	a.RiskLevel = riskLevel(a.ChurnProbability)
	for _, c := range parts {
		if c.Value != 0 {
			a.Drivers = append(a.Drivers, api.ChurnDriver{Feature: p.callerName(c.Feature), Value: p.value(c.Feature), Contribution: c.Value})
		}
	}
	slices.SortStableFunc(a.Drivers, func(x, y api.ChurnDriver) int {
		return cmp.Compare(math.Abs(y.Contribution), math.Abs(x.Contribution))
	})
	a.Drivers = a.Drivers[:min(len(a.Drivers), maxDrivers)]
	return a
}

func (p prediction) callerName(feature string) string {
	if name, ok := p.from[feature]; ok {
		return name
	}
	return feature
}

// value is what the model saw of a feature: null for one that it could not use.
func (p prediction) value(feature string) json.RawMessage {
	_, used := p.row[feature]
	if raw, ok := p.given[p.callerName(feature)]; ok && used {
		return raw
	}
	if v := p.row[feature]; v.Kind == churn.Number { // worked out from others
		if raw, err := json.Marshal(v.Number); err == nil {
			return raw
		}
	}
	return json.RawMessage("null")
}

func logit(p float64) float64 {
	p = max(1e-9, min(1-1e-9, p))
	return math.Log(p / (1 - p))
}

func riskLevel(p float64) string {
	switch {
	case p >= 0.75:
		return "critical"
	case p >= 0.5:
		return "high"
	case p >= 0.25:
		return "medium"
	default:
		return "low"
	}
}

func confidenceLevel(c float64) string {
	switch {
	case c >= 0.6:
		return "high"
	case c >= 0.25:
		return "medium"
	default:
		return "low"
	}
}
