/** The fold, first half of its stories. */
import { tellStories } from './fold-suite.ts'

tellStories(20_261_123)
