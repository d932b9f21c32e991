/**
 * Gives every block of code a button that copies it. Without this script the blocks are the same, and are selected by
 * hand.
 */
for (const block of document.querySelectorAll('.code')) {
	const code = block.querySelector('code')
	const button = document.createElement('button')
	button.type = 'button'
	button.className = 'copy'
	button.textContent = 'Copy'
	const say = (word) => {
		button.textContent = word
		setTimeout(() => (button.textContent = 'Copy'), 2000)
	}
	button.addEventListener('click', () => {
		navigator.clipboard.writeText(code.textContent.trimEnd()).then(
			() => say('Copied'),
			() => {
				// No right to the clipboard: what is to be copied is at least selected.
				getSelection().selectAllChildren(code)
				say('Selected')
			},
		)
	})
	block.prepend(button)
}
