package metricsmerge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Handler serves the merged metrics, as Prometheus text or, when the caller's
// Accept asks for it, as OpenMetrics.
type Handler struct {
	// Own gives the gateway's families.
	Own prometheus.Gatherer
	// Texts fetches the workers'; it should take no longer than a scraper
	// waits.
	Texts  func(ctx context.Context) []Source
	Limits Limits
	drops  *prometheus.CounterVec
}

// NewHandler makes a handler. What it drops is counted in a metric registered
// with reg, unless that is nil.
func NewHandler(own prometheus.Gatherer, texts func(ctx context.Context) []Source, reg prometheus.Registerer) (*Handler, error) {
	h := &Handler{Own: own, Texts: texts, drops: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "omni_gateway_metrics_dropped_total",
		Help: "Workers' texts, families and series left out of the merged metrics, by reason.",
	}, []string{"reason"})}
	for _, r := range Reasons {
		h.drops.WithLabelValues(r)
	}
	if reg != nil {
		if err := reg.Register(h.drops); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sources := h.Texts(r.Context())
	own, err := h.Own.Gather()
	if err != nil && len(own) == 0 {
		http.Error(w, "metrics are not available", http.StatusInternalServerError)
		return
	}
	families, dropped := Merge(own, sources, h.Limits)
	for reason, n := range dropped {
		h.drops.WithLabelValues(reason).Add(float64(n))
	}
	format := negotiate(r.Header)
	var out bytes.Buffer
	if err := Encode(&out, families, format); err != nil {
		http.Error(w, "metrics are not available", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	_, _ = w.Write(out.Bytes())
}

// negotiate picks a text format; the binary ones are not offered.
func negotiate(header http.Header) expfmt.Format {
	format := expfmt.NegotiateAccept(header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	switch format.FormatType() {
	case expfmt.TypeTextPlain, expfmt.TypeOpenMetrics:
		return format.WithEscapingScheme(model.UnderscoreEscaping)
	}
	return expfmt.NewFormat(expfmt.TypeTextPlain)
}

// Encode writes the families in the given format.
func Encode(w io.Writer, families []*dto.MetricFamily, format expfmt.Format) error {
	encoder := expfmt.NewEncoder(w, format)
	for _, f := range families {
		if err := encoder.Encode(f); err != nil {
			return fmt.Errorf("writing family %s: %w", f.GetName(), err)
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		return closer.Close()
	}
	return nil
}
