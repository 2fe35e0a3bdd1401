# fish completion for catflap: the program itself knows its commands and flags.
function __catflap_complete
	set -l words (commandline -opc)
	$words[1] complete -- $words[2..-1] 2>/dev/null
end
complete -c catflap -a '(__catflap_complete)'
