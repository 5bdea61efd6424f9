package monitoring

import (
	"fmt"
	"os"
	"path/filepath"
)

// Files returns every file to write, by its path under deploy.
func Files() (map[string][]byte, error) {
	rules, err := RulesFile()
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{filepath.Join("prometheus", "omni.rules.yaml"): rules}
	for _, d := range Dashboards() {
		text, err := d.JSON()
		if err != nil {
			return nil, err
		}
		out[filepath.Join("grafana", d.UID+".json")] = text
	}
	return out, nil
}

// Write writes every file below the folder deploy.
func Write(deploy string) error {
	files, err := Files()
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(deploy, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // files for everybody to read
			return fmt.Errorf("making a folder: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // files for everybody to read
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
