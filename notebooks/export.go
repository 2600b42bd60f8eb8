package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"codeberg.org/go-fonts/liberation/liberationsansbold"
	"codeberg.org/go-fonts/liberation/liberationsansregular"
)

// export writes notebooks as a site into dir, with the outputs that they hold. Its pages link to files of the repository at the
// address source, such as https://github.com/owner/name; empty: that of the clone's remote, if it has one.
func (w *workbook) export(ctx context.Context, names []string, dir, source string) error {
	dir = cmp.Or(dir, filepath.Join(w.state(), "site"))
	source = strings.TrimSuffix(cmp.Or(source, w.remote(ctx)), "/")
	start := time.Now()
	static := filepath.Join(w.venv(), "share", "jupyter", "lab", "static")
	args := []string{filepath.Join(w.folder(), "export.py"), dir, static, source}
	for _, name := range names {
		args = append(args, w.notebook(name))
	}
	cmd := exec.CommandContext(ctx, w.python(), args...)
	cmd.Env = w.env()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	interruptible(cmd)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("export: %w\n%s", err, tail(said.String(), 15))
	}
	// The letters that figures are laid out in, which not every machine has.
	for name, font := range map[string][]byte{
		"liberation_sans.ttf": liberationsansregular.TTF, "liberation_sans_bold.ttf": liberationsansbold.TTF,
	} {
		if err := os.WriteFile(filepath.Join(dir, "_static", name), font, 0o644); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	fmt.Fprintf(w.out, "Wrote %d notebooks in %s; begin at %s\n", len(names), seconds(time.Since(start)),
		filepath.Join(dir, "index.html"))
	return nil
}

// remote returns the address at which a browser finds the repository that the clone was made from, empty if there is none.
func (w *workbook) remote(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "-C", w.root, "remote", "get-url", "origin").Output()
	if err != nil {
		return ""
	}
	address, err := url.Parse(strings.TrimSuffix(strings.TrimSpace(string(out)), ".git"))
	if err != nil || address.Scheme != "https" {
		return ""
	}
	address.User = nil // nobody else's to read
	return address.String()
}
