package proc

import (
	"bufio"
	"io"
)

// maxLine bounds the memory one line can take. The rest of a longer line is dropped.
const maxLine = 64 << 10

// Lines calls line with every line of r until r ends or fails. A line longer than 64 KiB is cut.
func Lines(r io.Reader, line func(string)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		text, more, err := br.ReadLine()
		if err != nil {
			return
		}
		cut := string(text)
		for more && err == nil {
			_, more, err = br.ReadLine()
		}
		line(cut)
	}
}
