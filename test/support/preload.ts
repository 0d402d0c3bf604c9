import { keepTemporaryFilesInMemory } from './memory-disk'

keepTemporaryFilesInMemory()
