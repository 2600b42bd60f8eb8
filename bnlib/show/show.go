// Package show puts trainings, figures and tables on a notebook's page. It is the only package that knows the Go kernel
// (GoNB); in a program outside a notebook the same calls write plain text to standard output.
package show

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"

	"batchnorm/bnlib/plot"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"
	"github.com/janpfeifer/must"
)

const (
	mimeVegaLite protocol.MIMEType = "application/vnd.vegalite.v5+json"
	mimePNG                        = protocol.MIMEImagePNG
	mimeHTML                       = protocol.MIMETextHTML
	mimeText                       = protocol.MIMETextPlain
)

func init() {
	// The kernel knows these types; the pipe to it carries only registered ones.
	gob.Register(map[string]any{})
	gob.Register([]any{})
	if gonbui.IsNotebook {
		must.M = stop
	}
}

// stop ends a cell whose call failed: what a reader needs is the line that says why, without the stack that must prints.
func stop(err error) {
	if err != nil {
		line("%v", err)
		os.Exit(1)
	}
}

// Figure shows figures, one below the other: each for the page to draw, with hover, zoom and legend, and as a picture for
// readers without JavaScript.
func Figure(figures ...*plot.Figure) error {
	for i, f := range figures {
		if f == nil {
			return fmt.Errorf("show: Figure: figures[%d] is nil; allowed: a figure", i)
		}
		if err := figure("", f.Title, f); err != nil {
			return err
		}
	}
	return nil
}

// Moving shows a figure that the reader moves, for the page to draw, and its still picture for readers without JavaScript. It
// needs no kernel: it also moves on a page that was saved.
func Moving(e *plot.Explorer) error {
	title := e.Title()
	if title == "" {
		if _, err := e.PNG(); err != nil { // which is why
			return fmt.Errorf("show: Moving: %w", err)
		}
	}
	return figure("", title, e)
}

// drawing is a plot.Figure or a plot.Explorer.
type drawing interface {
	VegaLite() ([]byte, error)
	PNG() ([]byte, error)
}

// figure shows f, in the place of what was shown under id before, if id is not empty.
func figure(id, title string, f drawing) error {
	if !gonbui.IsNotebook {
		fmt.Println(title)
		return nil
	}
	image, err := f.PNG()
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	vega, err := f.VegaLite()
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	var spec map[string]any
	if err := json.Unmarshal(vega, &spec); err != nil {
		return fmt.Errorf("show: %w", err)
	}
	picture, err := size(image)
	if err != nil {
		return fmt.Errorf("show: %w", err)
	}
	picture["alt"] = title
	return send(id, &protocol.DisplayData{
		Data:     map[protocol.MIMEType]any{mimeVegaLite: spec, mimePNG: image, mimeText: title},
		Metadata: map[string]any{string(mimePNG): picture},
	})
}

// size says how large a page shows a picture, which has two pixels for each of the page's.
func size(picture []byte) (map[string]any, error) {
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	return map[string]any{"width": config.Width / 2, "height": config.Height / 2}, nil
}

// Table shows a table.
func Table(t *plot.Table) error {
	if t == nil {
		return errors.New("show: Table: t is nil; allowed: a table")
	}
	if !gonbui.IsNotebook {
		_, err := fmt.Println(t.Text())
		return err
	}
	return send("", &protocol.DisplayData{Data: map[protocol.MIMEType]any{mimeHTML: t.HTML(), mimeText: t.Text()}})
}

// send displays one thing in several formats, in the place of what was shown under id before, if id is not empty. It
// returns when the page has it.
func send(id string, data *protocol.DisplayData) error {
	data.DisplayID = id
	gonbui.SendData(data)
	gonbui.Sync()
	if err := gonbui.Error(); err != nil {
		return fmt.Errorf("show: the notebook cannot be reached: %w", err)
	}
	return nil
}

// line writes a line of plain text that is no result, such as progress outside a notebook.
func line(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
