/** The fold, second half of its stories. */
import { testStories } from './fold-suite.ts'

testStories(20_261_311)
