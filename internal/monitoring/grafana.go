package monitoring

import (
	"encoding/json"
	"fmt"
)

// Panel is one picture of a dashboard.
type Panel struct {
	Title string
	// About is the text behind the panel's "i".
	About string
	// Kind is Grafana's panel type: timeseries, stat, table, heatmap or text.
	Kind string
	// Unit is Grafana's name of the unit: reqps, s, percentunit, bytes, short.
	Unit string
	// Queries by the legend of their lines.
	Queries []Query
	// Text of a text panel, as Markdown.
	Text string
	// Width of 24, and height.
	Width, Height int
}

// Query is one expression with the legend of its lines.
type Query struct{ Expr, Legend string }

// Dashboard is one page of panels.
type Dashboard struct {
	// UID is the stable name in URLs and of the file.
	UID, Title, About string
	// Variables are template variables: name to the query of its values.
	Variables []Variable
	Panels    []Panel
}

// Variable is a choice at the top of a dashboard.
type Variable struct{ Name, Label, Query string }

type object = map[string]any

const datasource = "${datasource}"

// JSON is the dashboard as Grafana 10 and newer imports it.
func (d *Dashboard) JSON() ([]byte, error) {
	source := object{"type": "prometheus", "uid": datasource}
	variables := []object{{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}}
	for _, v := range d.Variables {
		variables = append(variables, object{
			"name": v.Name, "label": v.Label, "type": "query", "datasource": source, "query": object{"query": v.Query, "refId": v.Name},
			"refresh": 2, "includeAll": true, "multi": true, "allValue": ".*", "current": object{"text": "All", "value": "$__all"}, "sort": 1,
		})
	}
	out, err := json.MarshalIndent(object{
		"uid": d.UID, "title": d.Title, "description": d.About, "tags": []string{"omni"}, "timezone": "browser", "schemaVersion": 39,
		"refresh": "30s", "time": object{"from": "now-6h", "to": "now"}, "editable": true, "graphTooltip": 1,
		"templating": object{"list": variables}, "panels": d.layOut(source),
		"links": []object{{"type": "dashboards", "tags": []string{"omni"}, "title": "Omni", "asDropdown": true, "includeVars": false, "keepTime": true}},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing dashboard %s: %w", d.UID, err)
	}
	return append(out, '\n'), nil
}

// layOut places the panels from left to right, row by row.
func (d *Dashboard) layOut(source object) (out []object) {
	x, y, rowHeight := 0, 0, 0
	for i, p := range d.Panels {
		if x+p.Width > 24 {
			x, y, rowHeight = 0, y+rowHeight, 0
		}
		panel := p.object(source)
		panel["id"], panel["gridPos"] = i+1, object{"x": x, "y": y, "w": p.Width, "h": p.Height}
		out = append(out, panel)
		x, rowHeight = x+p.Width, max(rowHeight, p.Height)
	}
	return out
}

func (p *Panel) object(source object) object {
	o := object{"type": p.Kind, "title": p.Title, "description": p.About}
	if p.Kind == "text" {
		o["options"] = object{"mode": "markdown", "content": p.Text}
		return o
	}
	var targets []object
	for i, q := range p.Queries {
		targets = append(targets, object{
			"refId": string(rune('A' + i)), "datasource": source, "expr": q.Expr, "legendFormat": q.Legend,
			"instant": p.Kind == "stat" || p.Kind == "table", "range": p.Kind == "timeseries", "format": map[bool]string{true: "table", false: "time_series"}[p.Kind == "table"],
		})
	}
	o["datasource"], o["targets"] = source, targets
	custom := object{}
	if p.Kind == "timeseries" {
		custom = object{"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": true}
		o["options"] = object{"legend": object{"displayMode": "list", "placement": "bottom"}, "tooltip": object{"mode": "multi", "sort": "desc"}}
	}
	if p.Kind == "stat" {
		o["options"] = object{"reduceOptions": object{"calcs": []string{"lastNotNull"}}, "colorMode": "value", "graphMode": "none"}
	}
	o["fieldConfig"] = object{"defaults": object{"unit": p.Unit, "min": 0, "custom": custom}, "overrides": []any{}}
	return o
}
