/** Empty records with every key that WooCommerce 11.0 shows, in its order (taken from the recordings). */
import type { Rec } from './types.ts';

/** An address; customers and orders order the keys differently. */
export function address(kind: 'order' | 'customer', part: 'billing' | 'shipping'): Rec {
  const blank: Rec = { first_name: '', last_name: '', company: '', address_1: '', address_2: '', city: '' };
  if (kind === 'order') Object.assign(blank, { state: '', postcode: '', country: '' });
  else Object.assign(blank, { postcode: '', country: '', state: '' });
  if (part === 'billing') blank.email = '';
  blank.phone = '';
  return blank;
}

/** An order without anything in it. */
export function order(): Rec {
  return {
    id: 0, parent_id: 0, status: 'pending', currency: 'USD', version: '11.0.1', prices_include_tax: false,
    date_created: null, date_modified: null,
    discount_total: '0.00', discount_tax: '0.00', shipping_total: '0.00', shipping_tax: '0.00', cart_tax: '0.00',
    total: '0.00', total_tax: '0.00', customer_id: 0, order_key: '',
    billing: address('order', 'billing'), shipping: address('order', 'shipping'),
    payment_method: '', payment_method_title: '', transaction_id: '', customer_ip_address: '', customer_user_agent: '',
    created_via: 'rest-api', customer_note: '', date_completed: null, date_paid: null, cart_hash: '', number: '',
    meta_data: [], line_items: [], tax_lines: [], shipping_lines: [], fee_lines: [], coupon_lines: [], refunds: [],
    payment_url: '', is_editable: true, needs_payment: false, needs_processing: false,
    date_created_gmt: null, date_modified_gmt: null, date_completed_gmt: null, date_paid_gmt: null,
    currency_symbol: '$',
  };
}

/** A simple product without name and price. */
export function product(): Rec {
  return {
    id: 0, name: '', slug: '', permalink: '', date_created: null, date_created_gmt: null, date_modified: null,
    date_modified_gmt: null, type: 'simple', status: 'publish', featured: false, catalog_visibility: 'visible',
    description: '', short_description: '', sku: '', price: '', regular_price: '', sale_price: '',
    date_on_sale_from: null, date_on_sale_from_gmt: null, date_on_sale_to: null, date_on_sale_to_gmt: null,
    on_sale: false, purchasable: false, total_sales: 0, virtual: false, downloadable: false, downloads: [],
    download_limit: -1, download_expiry: -1, external_url: '', button_text: '', tax_status: 'taxable', tax_class: '',
    manage_stock: false, stock_quantity: null, backorders: 'no', backorders_allowed: false, backordered: false,
    low_stock_amount: null, sold_individually: false, weight: '', dimensions: { length: '', width: '', height: '' },
    shipping_required: true, shipping_taxable: true, shipping_class: '', shipping_class_id: 0, reviews_allowed: true,
    average_rating: '0.00', rating_count: 0, upsell_ids: [], cross_sell_ids: [], parent_id: 0, purchase_note: '',
    categories: [], brands: [], tags: [], images: [], attributes: [], default_attributes: [], variations: [],
    grouped_products: [], menu_order: 0, price_html: '', related_ids: [], meta_data: [], stock_status: 'instock',
    has_options: false, post_password: '', global_unique_id: '',
  };
}

/** A variation without price. */
export function variation(): Rec {
  return {
    id: 0, type: 'variation', date_created: null, date_created_gmt: null, date_modified: null, date_modified_gmt: null,
    description: '', permalink: '', sku: '', global_unique_id: '', price: '', regular_price: '', sale_price: '',
    date_on_sale_from: null, date_on_sale_from_gmt: null, date_on_sale_to: null, date_on_sale_to_gmt: null,
    on_sale: false, status: 'publish', purchasable: true, virtual: false, downloadable: false, downloads: [],
    download_limit: -1, download_expiry: -1, tax_status: 'taxable', tax_class: '', manage_stock: false,
    stock_quantity: null, stock_status: 'instock', backorders: 'no', backorders_allowed: false, backordered: false,
    low_stock_amount: null, weight: '', dimensions: { length: '', width: '', height: '' }, shipping_class: '',
    shipping_class_id: 0, image: null, gallery_image_ids: [], attributes: [], menu_order: 0, meta_data: [], name: '',
    parent_id: 0,
  };
}

/** A coupon without code. */
export function coupon(): Rec {
  return {
    id: 0, code: '', amount: '0.00', status: 'publish', date_created: null, date_created_gmt: null,
    date_modified: null, date_modified_gmt: null, discount_type: 'fixed_cart', description: '', date_expires: null,
    date_expires_gmt: null, usage_count: 0, individual_use: false, product_ids: [], excluded_product_ids: [],
    usage_limit: null, usage_limit_per_user: null, limit_usage_to_x_items: null, free_shipping: false,
    product_categories: [], excluded_product_categories: [], exclude_sale_items: false, minimum_amount: '0.00',
    maximum_amount: '0.00', email_restrictions: [], used_by: [], meta_data: [],
  };
}

/** A customer without name. */
export function customer(): Rec {
  return {
    id: 0, date_created: null, date_created_gmt: null, date_modified: null, date_modified_gmt: null, email: '',
    first_name: '', last_name: '', role: 'customer', username: '', billing: address('customer', 'billing'),
    shipping: address('customer', 'shipping'), is_paying_customer: false, avatar_url: '', meta_data: [],
  };
}

/** A refund of nothing. */
export function refund(): Rec {
  return {
    id: 0, parent_id: 0, date_created: null, date_created_gmt: null, amount: '0.00', reason: '', refunded_by: 1,
    refunded_payment: false, meta_data: [], line_items: [], shipping_lines: [], tax_lines: [], fee_lines: [],
  };
}

/** The empty record of a resource. */
export const BLANK: Record<string, () => Rec> = {
  orders: order,
  products: product,
  variations: variation,
  coupons: coupon,
  customers: customer,
  refunds: refund,
};
