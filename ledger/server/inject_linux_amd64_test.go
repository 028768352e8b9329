//go:build !race

package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A fault makes a system call fail that touches a file below the victim's directory: the
// nth of them, and perhaps all that follow.
type fault struct {
	call  string
	errno syscall.Errno
	nth   int
	all   bool
}

func (f fault) String() string {
	return fmt.Sprintf("%s, %d, all %v: %v", f.call, f.nth, f.all, f.errno)
}

// calls are the system calls by which files are written here, and where they say of
// which file they are.
var calls = map[uint64]struct {
	name  string
	paths []int // arguments that are names of files; none: the first is a descriptor
}{
	unix.SYS_OPENAT:          {"openat", []int{1}},
	unix.SYS_MKDIRAT:         {"mkdirat", []int{1}},
	unix.SYS_UNLINKAT:        {"unlinkat", []int{1}},
	unix.SYS_LINKAT:          {"linkat", []int{1, 3}},
	unix.SYS_RENAMEAT:        {"renameat", []int{1, 3}},
	unix.SYS_RENAMEAT2:       {"renameat", []int{1, 3}},
	unix.SYS_FCHMOD:          {"fchmod", nil},
	unix.SYS_READ:            {"read", nil},
	unix.SYS_WRITE:           {"write", nil},
	unix.SYS_PWRITE64:        {"write", nil},
	unix.SYS_COPY_FILE_RANGE: {"write", nil},
	unix.SYS_FSYNC:           {"fsync", nil},
	unix.SYS_FDATASYNC:       {"fsync", nil},
	unix.SYS_CLOSE:           {"close", nil},
}

// A victim is a program whose system calls can be made to fail, as strace -e inject
// does, but only those on the files below a directory: of a write that fails on a
// descriptor of its own, Go's runtime ends at once, and that is no fault of a disk's.
type victim struct {
	cmd  *exec.Cmd
	dir  string
	done chan struct{} // closed when the program has ended
	err  error         // why tracing ended, if the program had not

	mu       sync.Mutex
	fault    fault
	seen     int
	injected []string // what failed, since the fault was set
}

// torment starts the program under a tracer.
func torment(t *testing.T, cmd *exec.Cmd, dir string) *victim {
	t.Helper()
	v := &victim{cmd: cmd, dir: dir, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the tracer is a thread; with it ends the program
		defer close(v.done)
		cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		v.err = v.trace(started)
	}()
	if err := <-started; err != nil {
		t.Skipf("no program can be traced here: %v", err)
	}
	return v
}

// set makes calls fail from now on; the zero fault makes none fail. It returns what
// failed by the one before.
func (v *victim) set(f fault) (injected []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	injected, v.injected = v.injected, nil
	v.fault, v.seen = f, 0
	return injected
}

// inject says whether a call that is about to begin is to fail, and how.
func (v *victim) inject(tid int, regs *unix.PtraceRegs) syscall.Errno {
	call, ok := calls[regs.Orig_rax]
	if !ok {
		return 0
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fault.call != call.name {
		return 0
	}
	var names []string
	if call.paths == nil {
		name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(regs.Rdi)))
		if err != nil {
			return 0
		}
		names = append(names, name)
	}
	for _, n := range call.paths {
		names = append(names, peekString(tid, uintptr([]uint64{regs.Rdi, regs.Rsi, regs.Rdx, regs.R10}[n])))
	}
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, v.dir+"/"); ok {
			if v.seen++; v.seen != v.fault.nth && !(v.fault.all && v.seen > v.fault.nth) {
				return 0
			}
			v.injected = append(v.injected, rest)
			return v.fault.errno
		}
	}
	return 0
}

func peekString(tid int, at uintptr) string {
	buf := make([]byte, 256)
	n, _ := unix.PtracePeekData(tid, at, buf)
	text, _, _ := bytes.Cut(buf[:n], []byte{0})
	return string(text)
}

// trace follows every thread of the program, stopping each where a call begins and
// where it ends.
func (v *victim) trace(started chan<- error) error {
	pid := v.cmd.Process.Pid
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		started <- err
		return err
	}
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(pid, options); err != nil {
		started <- err
		return err
	}
	started <- unix.PtraceSyscall(pid, 0)
	type thread struct {
		inside bool          // in a call
		errno  syscall.Errno // with which it is to end
	}
	threads := map[int]*thread{pid: {}}
	for {
		tid, err := unix.Wait4(-1, &ws, unix.WALL|unix.WNOTHREAD, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		case ws.Exited() || ws.Signaled():
			if tid == pid {
				return nil
			}
			delete(threads, tid)
			continue
		}
		th := threads[tid]
		if th == nil {
			th = &thread{}
			threads[tid] = th
		}
		deliver := 0
		switch sig := ws.StopSignal(); {
		case sig == unix.SIGTRAP|0x80:
			var regs unix.PtraceRegs
			if err := unix.PtraceGetRegs(tid, &regs); err != nil {
				break // it was killed meanwhile
			}
			if th.inside = !th.inside; th.inside {
				if th.errno = v.inject(tid, &regs); th.errno != 0 {
					regs.Orig_rax = ^uint64(0)
					err = unix.PtraceSetRegs(tid, &regs)
				}
			} else if th.errno != 0 {
				regs.Rax = uint64(-int64(th.errno))
				th.errno = 0
				err = unix.PtraceSetRegs(tid, &regs)
			}
			if err != nil {
				return err
			}
		case sig == unix.SIGTRAP, sig == unix.SIGSTOP:
			// A thread began.
		default:
			deliver = int(sig)
		}
		if err := unix.PtraceSyscall(tid, deliver); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
}

// A call that is to fail fails, on the files that are meant, and no other.
func TestTorment(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(t.TempDir(), "file")
	cmd := exec.Command("sh", "-c", `read go; echo one >"$0/file"; echo two >"$1"`, dir, other)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	v := torment(t, cmd, dir)
	v.set(fault{"write", syscall.ENOSPC, 1, false})
	in.Write([]byte("\n"))
	<-v.done
	if v.err != nil {
		t.Fatal(v.err)
	}
	if got := v.set(fault{}); len(got) != 1 || got[0] != "file" {
		t.Errorf("writes failed to %q, want to file", got)
	}
	if data, err := os.ReadFile(other); err != nil || string(data) != "two\n" {
		t.Errorf("the other file has %q, %v", data, err)
	}
}
