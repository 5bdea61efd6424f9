package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/service/forecast"
)

func (a *app) backtestCommand() *cobra.Command {
	var f fileFlags
	var horizon, windows, step, season int
	var models []string
	var impute string
	c := &cobra.Command{
		Use: "backtest FILE.csv", Short: "Compare forecasting models on the end of a CSV file",
		Long: `Hold back the end of a series, let each model forecast it from what came
before, and compare: MASE below 1 beats repeating the last season.`,
		Example: "  omni backtest sales.csv --horizon 12 --windows 5",
		Args:    exactly(1, "the CSV file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			s, err := a.readSeries(args[0], f.Options)
			if err != nil {
				return err
			}
			a.missing(s, impute)
			req := &api.BacktestRequest{TimeSeries: s.Values, Horizon: &horizon, Windows: &windows, Models: models, Impute: impute, Freq: s.Freq()}
			if season > 0 {
				req.SeasonLength = &season
			}
			if step > 0 {
				req.Step = &step
			}
			answer, warnings, err := inProcess[api.BacktestAnswer](cmd.Context(), forecast.New(forecast.Deps{}), "/predict/backtest", req)
			if err != nil {
				return err
			}
			if f.json {
				answer.Answer = api.Answer{Status: "success", Warnings: warnings}
				return a.writeJSON(answer)
			}
			for _, w := range warnings {
				a.notice("%s", w)
			}
			if err := a.printf("%s\n\n", s); err != nil {
				return err
			}
			if err := a.drawBacktest(cmd, s, answer, &f); err != nil {
				return err
			}
			return writeBacktest(a.Stdout, answer)
		},
	}
	f.register(c)
	flags := c.Flags()
	flags.IntVar(&horizon, "horizon", 1, "how far each window forecasts")
	flags.IntVar(&windows, "windows", 5, "how many windows")
	flags.IntVar(&step, "step", 0, "how far apart the windows begin (default: the horizon)")
	flags.IntVar(&season, "season", 0, "length of the season in steps; 1 for none (default: find out)")
	flags.StringSliceVar(&models, "models", nil, "some of naive, seasonal_naive, drift, theta, dynamic_theta, damped_trend, ets, autoregression, croston, sba, tsb, lstm, global_lstm, auto (default: all but auto)")
	flags.StringVar(&impute, "impute", "linear", "missing values become: linear, previous, zero; none refuses them")
	return c
}

func writeBacktest(w io.Writer, answer *api.BacktestAnswer) error {
	t := table.New("model", "MASE", "sMAPE", "MAE", "RMSE", "coverage-80", "windows", "")
	for _, m := range answer.Models {
		note := m.Problem
		if m.Model == answer.Best {
			note = "best"
		}
		t.Add(m.Model, table.Optional(m.MASE), table.Optional(m.SMAPE), table.Optional(m.MAE), table.Optional(m.RMSE),
			table.Optional(m.Coverage), strconv.Itoa(len(m.Windows)), note)
	}
	_, err := t.WriteTo(w)
	return err
}
