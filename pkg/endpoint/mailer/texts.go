package mailer

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"

	"github.com/wavepass/wavepass/pkg/endpoint"
	"github.com/wavepass/wavepass/pkg/mail/texts"
)

// Texts reads the texts of mails: those of a folder, or Wavepass's own when it is empty. Its error names the folder.
func Texts(folder string, looks endpoint.Looks) (*texts.Texts, error) {
	var from fs.FS = texts.Embedded()
	if folder != "" {
		from = os.DirFS(folder)
	}
	read, err := texts.Read(from, cmp.Or(looks.Name, "Wavepass"))
	if err != nil && folder != "" {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return read, err
}
