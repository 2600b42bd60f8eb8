package vegalite

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Of renders a figure, and fails where Check finds something.
func Of(t testing.TB, figure interface{ VegaLite() ([]byte, error) }) []byte {
	t.Helper()
	spec, err := figure.VegaLite()
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(spec); err != nil {
		t.Error(err)
	}
	return spec
}

// Check returns an error that says where spec is not a Vega-Lite specification, or not one that a notebook can show without a
// network: it loads nothing, and holds no null, which the Go kernel's protocol has no word for.
func Check(spec []byte) error {
	found := []error{validate(spec)}
	var top map[string]any
	if err := json.Unmarshal(spec, &top); err != nil {
		return fmt.Errorf("vegalite: %w", err)
	}
	if n := bytes.Count(spec, []byte("://")); n != 1 {
		found = append(found, fmt.Errorf("vegalite: %d URLs; allowed: $schema's", n))
	}
	names := map[any]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case nil:
			found = append(found, errors.New("vegalite: a null"))
		case []any:
			for _, w := range v {
				walk(w)
			}
		case map[string]any:
			if v["mark"] != nil {
				names[v["name"]] = true
			}
			if url, ok := v["url"].(string); ok && !strings.HasPrefix(url, "data:image/png;base64,") {
				found = append(found, fmt.Errorf("vegalite: data from %s", url))
			}
			for _, w := range v {
				walk(w)
			}
		}
	}
	walk(top)
	params, _ := top["params"].([]any)
	for _, p := range params {
		views, _ := p.(map[string]any)["views"].([]any)
		for _, view := range views {
			if !names[view] {
				found = append(found, fmt.Errorf("vegalite: selection %v listens to %v, which is not there", p.(map[string]any)["name"], view))
			}
		}
	}
	return errors.Join(found...)
}

// Tables returns the data sets of a specification by their names: of each, the rows as maps from the names of columns to cells.
func Tables(spec []byte) (map[string][]map[string]string, error) {
	var top struct{ Datasets map[string]string }
	if err := json.Unmarshal(spec, &top); err != nil {
		return nil, fmt.Errorf("vegalite: %w", err)
	}
	tables := map[string][]map[string]string{}
	for name, text := range top.Datasets {
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			return nil, fmt.Errorf("vegalite: data set %s: %w", name, err)
		}
		tables[name] = []map[string]string{}
		for _, cells := range rows[1:] {
			row := map[string]string{}
			for i, c := range cells {
				row[rows[0][i]] = c
			}
			tables[name] = append(tables[name], row)
		}
	}
	return tables, nil
}
