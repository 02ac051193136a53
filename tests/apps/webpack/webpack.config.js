import { copyFileSync, mkdirSync } from 'node:fs'

mkdirSync('dist', { recursive: true })
copyFileSync('public/index.html', 'dist/index.html')

export default {
  mode: 'production',
  entry: './src/app.js',
  output: { filename: 'app.js', publicPath: 'auto' },
}
