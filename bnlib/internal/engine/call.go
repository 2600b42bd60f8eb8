package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// TryCatch calls a function and turns a panic in it, GoMLX's or that of a function of the reader's, into an error. That of a panic
// of Go's own, such as an index out of range, says where it was.
func TryCatch(call func() error) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("%w%s", e, panicked())
		case error:
			err = e
		default:
			err = fmt.Errorf("%v", e)
		}
	}()
	return call()
}

// panicked says in which function the panic was that is being recovered from.
func panicked() string {
	callers := make([]uintptr, 64)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicking := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime {
			return fmt.Sprintf(", in %s (%s:%d)", f.Function[strings.LastIndexByte(f.Function, '/')+1:], filepath.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}

// Grace is how long Await waits for a function that does not look at the context.
const Grace = time.Second

// errNoReturn is the error of a function that ended its goroutine.
var errNoReturn = errors.New("it ended its goroutine (runtime.Goexit)")

// Await calls a function that runs code of the reader's, which may never return, on a goroutine of its own. If ctx ends first, by
// more than Grace, it returns with abandoned and ctx's error, and leaves the function alone: it goes on in vain, and must not write to
// what others read.
func Await[T any](ctx context.Context, call func() (T, error)) (value T, abandoned bool, err error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: errNoReturn}
		defer func() { done <- o }()
		o.err = TryCatch(func() (err error) {
			o.value, err = call()
			return err
		})
	}()
	select {
	case o := <-done:
		return o.value, false, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done:
		return o.value, false, o.err
	case <-time.After(Grace):
		return value, true, ctx.Err()
	}
}
