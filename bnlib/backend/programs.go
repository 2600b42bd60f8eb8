//go:build cgo && linux && (amd64 || arm64)

package backend

// #include <stdlib.h>
// #include "programs.h"
import "C"

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"batchnorm/bnlib/host"
	"batchnorm/bnlib/internal/store"

	"github.com/gomlx/go-xla/pjrt"
)

// programs keeps what XLA has compiled for the processor, since every cell of a notebook is a process of its own, and to compile
// a network's programs takes longer than to train it for a thousand steps. What is loaded computes the same bits.
//
// go-xla has no way in, so the plugin's own function to compile is replaced by one that looks on the disk first.
type programs struct {
	api             *C.pjrt_api
	create, compile C.pjrt_function
	store           *store.Store
	about           string // what a compiled program depends on beside the program, its options and the threads of its client

	mu      sync.Mutex
	threads map[unsafe.Pointer]string // of each client, as XLA was told when it was created

	compiled, loaded atomic.Int64
}

// most bounds the folder of programs. One is 20 to 300 kB.
const most = 256 << 20

// code is the name of the array that holds a program.
const code = "code"

// kept is what stands in; nil before a plugin is loaded, and where programs cannot be kept.
var kept atomic.Pointer[programs]

// keepPrograms makes a plugin for the processor, which is loaded, keep what it compiles in the project's folder. Where that
// cannot be, everything works as before.
func keepPrograms(plugin *pjrt.Plugin) {
	path := plugin.Path()
	info, err := os.Stat(path)
	dir, noDir := programsDir()
	if err != nil || noDir != nil || dir == "off" || pjrt.IsCUDAName(path) || kept.Load() != nil {
		return
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	p := &programs{api: C.table(name), store: &store.Store{Dir: dir}, threads: map[unsafe.Pointer]string{}}
	if p.api == nil {
		return
	}
	major, minor := plugin.Version()
	p.about = strings.Join(append([]string{
		"1", // of what this file makes of them
		fmt.Sprintf("PJRT %d.%d, %d bytes, %v", major, minor, info.Size(), info.ModTime().UTC()),
		processorModel(), processorFeatures(), runtime.GOARCH,
	}, compilerSettings(os.Environ())...), "\n")
	if kept.CompareAndSwap(nil, p) && C.stand_in(p.api, &p.create, &p.compile) != 0 {
		kept.Store(nil)
	}
}

func programsDir() (string, error) {
	if dir := os.Getenv(host.ProgramsEnv); dir != "" {
		return dir, nil
	}
	dir, err := host.Dir()
	return filepath.Join(dir, "programs"), err
}

// compilerSettings returns the environment variables that XLA and its libraries may read, sorted.
func compilerSettings(environ []string) []string {
	settings := slices.DeleteFunc(slices.Clone(environ), func(s string) bool {
		return !slices.ContainsFunc([]string{"XLA_", "TF_", "ONEDNN_", "DNNL_", "OMP_"}, func(prefix string) bool {
			return strings.HasPrefix(s, prefix)
		})
	})
	slices.Sort(settings)
	return settings
}

//export batchnorm_create
func batchnorm_create(args unsafe.Pointer) unsafe.Pointer {
	p := kept.Load()
	fault := C.call(p.create, args)
	if fault == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.threads[(*C.create_args)(args).client] = os.Getenv(threadsVariable)
	}
	return fault
}

//export batchnorm_compile
func batchnorm_compile(args unsafe.Pointer) unsafe.Pointer {
	p, a := kept.Load(), (*C.compile_args)(args)
	key := p.key(a)
	if _, arrays, err := p.store.Get(key, code); err == nil {
		if values, _, err := store.Values[uint8](arrays, code); err == nil && p.load(a, values) {
			p.loaded.Add(1)
			return nil
		}
	}
	if fault := C.call(p.compile, args); fault != nil {
		return fault
	}
	p.compiled.Add(1)
	p.keep(key, a.executable)
	return nil
}

func (p *programs) key(a *C.compile_args) string {
	p.mu.Lock()
	threads := p.threads[a.client]
	p.mu.Unlock()
	h := sha256.New()
	for _, part := range [][]byte{
		[]byte(p.about), []byte(threads),
		bytesAt(a.program.format, a.program.format_size), bytesAt(a.program.code, a.program.code_size), bytesAt(a.options, a.options_size),
	} {
		fmt.Fprintln(h, len(part))
		h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// bytesAt returns bytes of C's, which the caller only reads.
func bytesAt(at *C.char, n C.size_t) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(at)), int(n)) }

// load loads a program for the client that asks for it, and reports whether that could be done.
func (p *programs) load(a *C.compile_args, code []byte) bool {
	args := C.load_args{client: a.client, code: (*C.char)(C.CBytes(code)), code_size: C.size_t(len(code))}
	defer C.free(unsafe.Pointer(args.code))
	args.size = C.size_t(unsafe.Sizeof(args))
	if !p.call(C.executable_deserialize_and_load, unsafe.Pointer(&args)) {
		return false
	}
	a.executable = args.loaded
	return true
}

// keep puts a program on the disk. It need not succeed.
func (p *programs) keep(key string, loaded unsafe.Pointer) {
	get := C.get_executable_args{loaded: loaded}
	get.size = C.size_t(unsafe.Sizeof(get))
	if !p.call(C.loaded_executable_get_executable, unsafe.Pointer(&get)) {
		return
	}
	defer p.destroy(C.executable_destroy, get.executable)
	args := C.serialize_args{executable: get.executable}
	args.size = C.size_t(unsafe.Sizeof(args))
	if !p.call(C.executable_serialize, unsafe.Pointer(&args)) {
		return
	}
	values := slices.Clone(bytesAt(args.code, args.code_size))
	C.call_free(&args)
	if p.store.Put(key, []byte("{}"), []store.Array{{Name: code, Dims: []int{len(values)}, Data: values}}) == nil {
		if size, err := p.store.Size(); err == nil && size.Bytes > most {
			p.store.Prune(store.Limits{Bytes: most / 2})
		}
	}
}

// call calls one of the plugin's functions, and reports whether it succeeded.
func (p *programs) call(function int, args unsafe.Pointer) bool {
	fault := C.call(p.function(function), args)
	if fault != nil {
		p.destroy(C.error_destroy, fault)
	}
	return fault == nil
}

func (p *programs) destroy(function int, what unsafe.Pointer) {
	args := C.destroy_args{what: what}
	args.size = C.size_t(unsafe.Sizeof(args))
	C.call(p.function(function), unsafe.Pointer(&args))
}

func (p *programs) function(i int) C.pjrt_function {
	return *(*C.pjrt_function)(unsafe.Add(unsafe.Pointer(p.api), unsafe.Sizeof(*p.api)+uintptr(i)*unsafe.Sizeof(C.pjrt_function(nil))))
}
