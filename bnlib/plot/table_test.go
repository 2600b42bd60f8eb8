package plot_test

import (
	"strings"
	"testing"

	"batchnorm/bnlib/plot"
)

func TestTableEscapes(t *testing.T) {
	table := plot.Table{
		Header:  []string{"name", "a|b"},
		Rows:    [][]string{{"<b>&", "1", "too many"}, {"short"}},
		Caption: "<i>",
	}
	if html := table.HTML(); strings.Contains(html, "<b>") || strings.Contains(html, "<i>") || strings.Contains(html, "too many") {
		t.Error(html)
	}
	const want = `| name  | a\|b |
| ----- | ---: |
| <b>&  |    1 |
| short |      |

<i>
`
	if got := table.Markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
