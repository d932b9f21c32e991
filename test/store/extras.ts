/** What is written besides the tables' objects: a category's name, notes, reviews, the end of a refund. */
import type { Engine } from './engine.ts'
import type { Entity } from './table.ts'
import type { Rec } from './types.ts'
import { iso } from './zone.ts'

/** Renames a category; its products show the new name and keep their stamps (docs/woocommerce.md 4.4). */
export function renameCategory(engine: Engine, id: number, name: string): void {
	const term = engine.terms.categories.get(id)
	if (!term) throw new Error(`there is no category ${id}`)
	term.name = name
	engine.noteOther('categories', id, 'edited-silently', term)
	for (const product of engine.tables.products.values()) {
		if (!(engine.record('products', product).categories as Rec[]).some((category) => category.id === id)) continue
		engine.change('products', product, { moves: false }, (record) => {
			record.categories = (record.categories as Rec[]).map((category) =>
				category.id === id ? { ...category, name } : category,
			)
		})
	}
}

/** Deletes a refund; its order shows one less and keeps its stamp (docs/woocommerce.md 4.2). */
export function removeRefund(engine: Engine, refund: Entity): void {
	const order = engine.get('orders', refund.parent)
	const before = order && engine.hash('orders', order)
	engine.remove('refunds', refund)
	if (order && before) engine.derived('orders', order, before)
}

/** Adds a note, which changes nothing of the order's record (docs/woocommerce.md 4.2). */
export function addNote(engine: Engine, order: number, text: string, toCustomer: boolean): Rec {
	const note = {
		id: engine.next.comments++,
		author: 'WooCommerce',
		date_created: iso(engine.zone.toLocal(engine.second())),
		date_created_gmt: iso(engine.second()),
		note: text,
		customer_note: toCustomer,
	}
	engine.notes.set(order, [note, ...(engine.notes.get(order) ?? [])])
	engine.noteOther('notes', note.id, 'created', note)
	return note
}

/** Adds a review, which saves its product (docs/woocommerce.md 4.14). */
export function addReview(engine: Engine, product: Entity, set: Rec): Rec {
	const { name, permalink } = engine.record('products', product)
	const review = {
		id: engine.next.comments++,
		date_created: iso(engine.zone.toLocal(engine.second())),
		date_created_gmt: iso(engine.second()),
		product_id: product.id,
		product_name: name,
		product_permalink: permalink,
		status: 'approved',
		reviewer: '',
		reviewer_email: '',
		review: '',
		rating: 0,
		verified: false,
		reviewer_avatar_urls: { 24: '', 48: '', 96: '' },
		...set,
	}
	engine.reviews.set(review.id, review)
	engine.noteOther('reviews', review.id, 'created', review)
	engine.change('products', product, { moves: true }, (record) => {
		record.rating_count += 1
		record.average_rating = review.rating.toFixed(2)
	})
	engine.fire('product.updated', product.id)
	return review
}
