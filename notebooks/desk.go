package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// desk is the folder that JupyterLab opens: the reader's copies of the pages, in their own folder or else in one that git does not see.
// The pages of the clone stay as they are, so that a pull never meets what was tried out.
func (w *workbook) desk() string {
	if w.work != "" {
		return w.work
	}
	return filepath.Join(w.folder(), "mine")
}

// copies is where the desk notes what was copied to it: of each page and picture the digest of what the clone had.
func (w *workbook) copies() string { return filepath.Join(w.desk(), ".copies.json") }

// copyPages puts the clone's pages on the desk. A page that the reader has changed stays; where the clone has a newer one by now, a line
// says so. A page that was not changed follows the clone.
func (w *workbook) copyPages() error {
	last := map[string]string{}
	if text, err := os.ReadFile(w.copies()); err == nil {
		if json.Unmarshal(text, &last) != nil {
			last = map[string]string{} // then every page counts as changed
		}
	}
	var newer []string
	for _, pattern := range []string{"*.ipynb", "thumbnails/*.png"} {
		paths, err := filepath.Glob(filepath.Join(globEscape(w.folder()), filepath.FromSlash(pattern)))
		if err != nil {
			return fmt.Errorf("the reader's folder: %w", err)
		}
		for _, path := range paths {
			name, err := filepath.Rel(w.folder(), path)
			if err == nil {
				err = w.copyPage(path, name, last, &newer)
			}
			if err != nil {
				return fmt.Errorf("the reader's folder: %w", err)
			}
		}
	}
	if len(newer) > 0 {
		fmt.Fprintf(w.out, "You have changed %s, and the workbook has a newer version. To have it, with yours beside it: go run ./notebooks reset %s\n",
			strings.Join(newer, ", "), strings.Join(newer, " "))
	}
	text, err := json.MarshalIndent(last, "", "  ")
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(w.copies()); err == nil && string(old) == string(text) {
		return nil
	}
	return writeFile(w.copies(), text)
}

// copyPage puts one file on the desk, unless the reader has one of their own there. last is what was copied last, by name.
func (w *workbook) copyPage(path, name string, last map[string]string, newer *[]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	to, now := filepath.Join(w.desk(), name), digest(string(text))
	mine, err := os.ReadFile(to)
	switch {
	case err == nil && digest(string(mine)) == now:
		last[name] = now
		return nil
	case err == nil && digest(string(mine)) != last[name]:
		if last[name] != "" && last[name] != now {
			*newer = append(*newer, strings.TrimSuffix(name, ".ipynb"))
		}
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := writeFile(to, text); err != nil {
		return err
	}
	last[name] = now
	return nil
}

// reset gives pages back their first content. What the reader made of them stays beside it.
func (w *workbook) reset(names []string) error {
	for _, name := range names {
		page := filepath.Join(w.desk(), name+".ipynb")
		text, err := os.ReadFile(page)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if book, readErr := os.ReadFile(filepath.Join(w.folder(), name+".ipynb")); err == nil && readErr == nil && string(book) == string(text) {
			fmt.Fprintf(w.out, "%s is as the workbook has it.\n", name)
			continue
		}
		if err == nil {
			kept, err := free(filepath.Join(w.desk(), name+"_mine"), ".ipynb")
			if err == nil {
				err = os.Rename(page, kept)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(w.out, "%s is as the workbook has it; yours is %s.\n", name, filepath.Base(kept))
		}
	}
	return w.copyPages()
}

// free returns a name that no file has: the stem alone, or with a number.
func free(stem, suffix string) (string, error) {
	for n := 1; ; n++ {
		path := stem + suffix
		if n > 1 {
			path = fmt.Sprintf("%s_%d%s", stem, n, suffix)
		}
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		} else if err != nil {
			return "", err
		}
	}
}
