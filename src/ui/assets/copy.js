/** Gives every block of code a button that copies it. Without this script the blocks are the same, and are selected by hand. */
for (const block of document.querySelectorAll('.code')) {
	const button = document.createElement('button')
	button.type = 'button'
	button.className = 'copy'
	button.textContent = 'Copy'
	button.addEventListener('click', async () => {
		try {
			await navigator.clipboard.writeText(block.querySelector('code').textContent.trimEnd())
			button.textContent = 'Copied'
		} catch {
			// No right to the clipboard: what is to be copied is at least selected.
			getSelection().selectAllChildren(block.querySelector('code'))
			button.textContent = 'Selected'
		}
		setTimeout(() => (button.textContent = 'Copy'), 2000)
	})
	block.prepend(button)
}
