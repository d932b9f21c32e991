/**
 * Preloaded (`node --import`) into what must not outlive its starter: npm's shell dies of a SIGTERM without passing it on, and a starter
 * that is killed cannot say so. When the parent process changes, this process gets a SIGTERM.
 */
const parent = process.ppid

const watch = setInterval(() => {
	if (process.ppid === parent) return
	clearInterval(watch)
	process.kill(process.pid, 'SIGTERM')
}, 300)
watch.unref()
