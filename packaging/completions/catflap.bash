# bash completion for catflap: the program itself knows its commands and flags.
_catflap() {
	local word
	COMPREPLY=()
	while IFS=$'\t' read -r word _; do
		[[ $word == "${COMP_WORDS[COMP_CWORD]}"* ]] && COMPREPLY+=("$word")
	done < <("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace # a value follows
	return 0
}
complete -o bashdefault -o default -F _catflap catflap
