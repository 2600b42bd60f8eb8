// Package vegalite holds specifications against Vega-Lite's own JSON schema, and reads their data. It is for tests.
package vegalite

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schema is build/vega-lite-schema.json of the npm package vega-lite 5.6.1, which JupyterLab draws with.
//
//go:embed v5.6.1.json.gz
var schema []byte

var compiled = sync.OnceValues(func() (*jsonschema.Schema, error) {
	r, err := gzip.NewReader(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(r)
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("vega-lite.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("vega-lite.json")
})

func validate(spec []byte) error {
	s, err := compiled()
	if err != nil {
		return fmt.Errorf("vegalite: the schema: %w", err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec))
	if err != nil {
		return fmt.Errorf("vegalite: %w", err)
	}
	dropSignals(doc)
	var invalid *jsonschema.ValidationError
	if err := s.Validate(doc); errors.As(err, &invalid) {
		return fmt.Errorf("vegalite: %w", deepest(invalid))
	}
	return nil
}

// deepest returns the error furthest inside the specification: of all alternatives that the schema lists and the specification
// is not, those that it resembles most go furthest.
func deepest(e *jsonschema.ValidationError) *jsonschema.ValidationError {
	found := e
	for _, cause := range e.Causes {
		if d := deepest(cause); len(d.InstanceLocation) > len(found.InstanceLocation) {
			found = d
		}
	}
	return found
}

// dropSignals takes away the one thing that Vega-Lite takes and its schema does not list: config.signals, which it hands on to
// Vega, where they become signals of the view (mergeConfig in vega-util, collectSignals in vega-parser).
func dropSignals(spec any) {
	if top, ok := spec.(map[string]any); ok {
		if config, ok := top["config"].(map[string]any); ok {
			delete(config, "signals")
		}
	}
}
