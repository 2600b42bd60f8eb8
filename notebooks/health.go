package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// health asks the JupyterLabs that were opened from here, at the addresses that they noted. One answer is enough: a server that was
// killed leaves its note behind.
func health(ctx context.Context, out io.Writer) error {
	w, err := open(io.Discard)
	if err != nil {
		return err
	}
	notes, err := filepath.Glob(filepath.Join(globEscape(w.runtime()), "jpserver-*.json"))
	if err != nil {
		return err
	}
	err = errors.New("no JupyterLab was opened")
	for _, note := range notes {
		address, problem := answers(ctx, note)
		if problem == nil {
			fmt.Fprintln(out, address, "answers")
			return nil
		}
		err = problem
	}
	return err
}

// answers asks a server for its version, which needs no token, and returns its address.
func answers(ctx context.Context, note string) (address string, err error) {
	text, err := os.ReadFile(note)
	if err != nil {
		return "", err
	}
	var server struct{ URL string }
	if err := json.Unmarshal(text, &server); err != nil {
		return "", fmt.Errorf("%s: %w", note, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(server.URL, "/")+"/api", nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Transport{}).RoundTrip(request) // this machine: no proxy, no redirection
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var api struct{ Version string }
	if err := json.NewDecoder(response.Body).Decode(&api); err != nil || response.StatusCode != http.StatusOK || api.Version == "" {
		return "", fmt.Errorf("%s answers %s, not as Jupyter does", request.URL, response.Status)
	}
	return server.URL, nil
}
