package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/sample"
	"github.com/omni-run/omni/internal/cli/table"
)

func (d *demo) forecast(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	steps := 12
	a, err := d.c.Forecast(ctx, &api.ForecastRequest{TimeSeries: s.Values, Timestamps: s.Timestamps(), ForecastSteps: &steps, Level: []float64{80, 95}})
	if err != nil {
		return "", err
	}
	if a.ForecastResult == nil || len(a.Forecast) != steps {
		return "", odd("no forecast of %d steps", steps)
	}
	var b strings.Builder
	b.WriteString(forecastChart(d.app.out, s, a.ForecastResult, 14, d.ascii).String())
	last := len(s.Values) - 1
	fmt.Fprintf(&b, "  %d months of revenue; %s would be %s after %s in the last December\n", len(s.Values), shortDate(a.Timestamps[steps-1], true),
		table.Number(a.Forecast[steps-1]), table.Number(s.Values[last]))
	fmt.Fprintf(&b, "  model %s; back-test MASE %s, sMAPE %s\n", a.Model, table.Optional(a.Backtest.MASE), table.Optional(a.Backtest.SMAPE))
	if a.Selection.Reason != "" {
		fmt.Fprintf(&b, "  %s\n", a.Selection.Reason)
	}
	return b.String(), nil
}

func (d *demo) revenue(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	req := &api.RevenueRequest{ForecastDays: new(int)}
	*req.ForecastDays = 3
	for i, v := range s.Values {
		req.HistoricalData = append(req.HistoricalData, api.RevenuePoint{Date: s.DateText(s.Dates[i]), Revenue: &v})
	}
	a, err := d.c.Revenue(ctx, req)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range a.Predictions {
		fmt.Fprintf(&b, "  %s  %s  (%s to %s)\n", shortDate(p.Date, true), table.Number(p.PredictedRevenue), table.Number(p.LowerBound), table.Number(p.UpperBound))
	}
	fmt.Fprintf(&b, "  together %s (%s to %s), by %s\n", table.Number(a.TotalPredicted), table.Number(a.ConfidenceInterval[0]), table.Number(a.ConfidenceInterval[1]), a.Model)
	return b.String(), nil
}

func (d *demo) backtest(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	horizon, windows := 6, 2
	a, err := d.c.Backtest(ctx, &api.BacktestRequest{
		TimeSeries: s.Values, Freq: s.Freq(), Horizon: &horizon, Windows: &windows, Models: []string{"seasonal_naive", "theta", "ets"},
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = writeBacktest(&b, a)
	return b.String(), err
}

func (d *demo) churn(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, user := range []struct{ id, context string }{
		{"a regular", `{"recency_days":9,"frequency":14,"monetary":1260,"average_order_value":90,"days_between_orders":24,"orders_last_90_days":4}`},
		{"a lapsed one", `{"recency_days":210,"frequency":2,"monetary":85,"average_order_value":42,"days_between_orders":60,"orders_last_90_days":0}`},
	} {
		var features map[string]json.RawMessage
		if err := json.Unmarshal([]byte(user.context), &features); err != nil {
			return "", err
		}
		a, err := d.c.Churn(ctx, &api.ChurnRequest{UserID: user.id, Context: features})
		if err != nil {
			return "", err
		}
		why := ""
		if len(a.Drivers) > 0 {
			why = fmt.Sprintf(", most because of %s (%+.2f)", a.Drivers[0].Feature, a.Drivers[0].Contribution)
		}
		fmt.Fprintf(&b, "  %-12s  leaves with %.0f %%: %s risk%s; by the %s\n", user.id, 100*a.ChurnProbability, a.RiskLevel, why, a.Model)
	}
	return b.String(), nil
}

func (d *demo) anomalies(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Metrics(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	a, err := d.c.DetectAnomalies(ctx, &api.DetectRequest{Series: s.Values, Timestamps: s.Timestamps()})
	if err != nil {
		return "", err
	}
	left, right := labels(s)
	var b strings.Builder
	b.WriteString(detectChart(d.app.out, s.Values, a, left, right, 14, d.ascii).String())
	for _, x := range a.Anomalies {
		fmt.Fprintf(&b, "  %s  %s, expected %s: %s\n", s.DateText(s.Dates[x.Index]), table.Number(x.Value), table.Number(x.Expected), x.Severity)
	}
	fmt.Fprintf(&b, "  %d of %d points are unusual (three were planted)\n", a.Count, len(s.Values))
	return b.String(), nil
}

func (d *demo) rows(ctx context.Context) (string, error) {
	req := &api.IsolationForestRequest{Contamination: new(float64)}
	*req.Contamination = 0.18
	for _, p := range [][2]int{{10, 20}, {12, 22}, {11, 21}, {13, 23}, {100, 200}, {14, 24}, {15, 25}, {13, 22}, {200, 300}, {12, 23}, {11, 20}} {
		req.Data = append(req.Data, json.RawMessage(fmt.Sprintf(`{"x":%d,"y":%d}`, p[0], p[1])))
	}
	a, err := d.c.IsolationForest(ctx, req)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, x := range a.Anomalies {
		fmt.Fprintf(&b, "  row %d (x=%g, y=%g) scores %.3f: %s\n", x.Index, x.Data["x"], x.Data["y"], x.AnomalyScore, x.Severity)
	}
	fmt.Fprintf(&b, "  %d of %d rows stand apart\n", a.NAnomalies, a.NSamples)
	return b.String(), nil
}
